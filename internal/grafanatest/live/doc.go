// Package live evaluates examples/grafana in a real Prometheus that scrapes real Legates: each query
// of each dashboard, and each rule.
//
// A minute of the dashboards and of the rules lasts two seconds here, and so does everything else in
// them: the interval of scraping, ranges, an alert's "for". An outage of Consul that a panel shows
// after three minutes then takes six seconds. Everything else is as its users have it.
package live
