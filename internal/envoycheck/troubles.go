package envoycheck

import (
	"fmt"
	"slices"
	"strings"
)

// Trouble is something that keeps requests to a cluster from being answered.
type Trouble struct {
	Finding
	Policy []string `json:"policy,omitempty"` // the fields of a policy that set what is met
}

// Troubles are what went wrong with requests to a cluster, as an Envoy counts it, the worst first. earlier is what it said
// some time ago: what grew since is going on.
func (t Traffic) Troubles(earlier Traffic) []Trouble {
	d := diagnosis{now: t, earlier: earlier}
	if !t.Known {
		return []Trouble{{Finding: Finding{Error, "the cluster", "this Envoy does not use it: it has not got it, or still waits for its endpoints",
			`"legate verify --envoy HOST:PORT" says what that Envoy lacks, "legate status" what it rejects`}}}
	}
	d.limits()
	for _, e := range t.Endpoints {
		d.endpoint(e)
	}
	d.counts()
	slices.SortStableFunc(d.found, func(a, b Trouble) int { return strings.Compare(string(a.Severity), string(b.Severity)) }) // error < warning
	return d.found
}

type diagnosis struct {
	now, earlier Traffic
	found        []Trouble
}

func (d *diagnosis) add(s Severity, where, detail, remedy string, policy ...string) {
	d.found = append(d.found, Trouble{Finding{s, where, detail, remedy}, policy})
}

// count is how often something happened, and how often of it since the earlier look.
func (d *diagnosis) count(stat string) (n, lately uint64) {
	n = d.now.counts[stat]
	return n, n - min(n, d.earlier.counts[stat])
}

// ifGoingOn is a severity for what happens now; what is over is worth a warning only.
func ifGoingOn(s Severity, lately uint64) Severity {
	if lately == 0 {
		return Warning
	}
	return s
}

// limits are those of the circuit breaker: what is beyond them gets 503 at once.
func (d *diagnosis) limits() {
	for _, limit := range []struct{ stat, field, of string }{
		{"upstream_rq_pending_overflow", "max_pending_requests", "requests that wait for a connection"},
		{"upstream_rq_active_overflow", "max_requests", "requests at once"},
		{"upstream_rq_retry_overflow", "max_retries", "retries at once"},
	} {
		n, lately := d.count(limit.stat)
		if n == 0 {
			continue
		}
		fields := []string{"circuit_breakers." + limit.field}
		detail := fmt.Sprintf("%s got 503 at once: %s %d was reached (%s)", times(n, lately, "request"), fields[0], d.now.breakers[limit.field], limit.of)
		if full, _ := d.count("upstream_cx_overflow"); full > 0 && limit.field == "max_pending_requests" {
			fields = append(fields, "circuit_breakers.max_connections")
			detail += fmt.Sprintf(", since %s %d was", fields[1], d.now.breakers["max_connections"])
		}
		d.add(ifGoingOn(Error, lately), "limit", detail, "raise it in the policy, or find out why the instances answer slowly", fields...)
	}
}

func (d *diagnosis) endpoint(e Endpoint) {
	was := Endpoint{}
	if i := slices.IndexFunc(d.earlier.Endpoints, func(o Endpoint) bool { return o.Address == e.Address }); i >= 0 {
		was = d.earlier.Endpoints[i]
	}
	count := func(stat string) (n, lately uint64) {
		return e.counts[stat], e.counts[stat] - min(e.counts[stat], was.counts[stat])
	}
	failed, lately := count("cx_connect_fail")
	tried, _ := count("cx_total")
	switch failed {
	case 0:
	case tried:
		d.add(Error, e.Address, "no connection to it succeeded: "+times(failed, lately, "attempt"),
			"does the instance listen there, and can this Envoy reach it? If not, correct its registration, or the network in between")
	default:
		d.add(Warning, e.Address, fmt.Sprintf("of %d connections to it failed %s", tried, times(failed, lately, "attempt")),
			"is it overloaded, was it away for a while, or is the network in between bad?")
	}
	if e.Ejected {
		d.add(Error, e.Address, "this Envoy ejected it for its errors (outlier detection), and sends it nothing for a while", "find out why the instance fails; the policy's outlier_detection says what counts", "outlier_detection")
	}
	if e.Failed {
		d.add(Error, e.Address, "it fails this Envoy's own health checks, and gets nothing, whatever Consul says", "ask it what the check asks; the policy's health_checks say what that is", "health_checks")
	}
	errs, lately := count("rq_error")
	if all, _ := count("rq_total"); failed == 0 && errs > 0 {
		d.add(Warning, e.Address, fmt.Sprintf("of %d requests failed %s", all, times(errs, lately, "request")), "its own log says why: it answers 5xx, ends connections, or is too slow")
	}
}

// counts are those of the whole cluster that no endpoint explains.
func (d *diagnosis) counts() {
	for _, c := range []struct {
		stat   string
		worst  Severity
		what   string
		remedy string
		policy []string
	}{
		{"upstream_cx_none_healthy", Error, "found no healthy endpoint and got 503", "see the instances above: why do they take no traffic?", []string{"healthy_panic_threshold"}},
		{"lb_subsets_fallback_panic", Warning, "found no subset that matches", "compare the route's metadata_match with the instances' tags and meta", []string{"subsets"}},
		{"ssl.connection_error", Error, "failed in the TLS handshake", "does the instance speak TLS, and accept this Envoy's certificate?", []string{"tls"}},
		{"ssl.fail_verify_san", Error, "met a certificate that has another name", "correct the names in the policy, or the certificate", []string{"tls"}},
		{"ssl.fail_verify_error", Error, "met a certificate that no known authority signed", "correct the authority in the policy, or the certificate", []string{"tls"}},
		{"upstream_cx_protocol_error", Error, "broke the protocol", "does the instance speak the protocol of the policy?", []string{"protocol"}},
		{"upstream_rq_timeout", Warning, "got no answer in time", "the instances are slow, or the route's timeout is short", nil},
		{"lb_healthy_panic", Warning, "were spread over unhealthy endpoints too, since too few are healthy", "see the instances above; healthy_panic_threshold in the policy sets the share", []string{"healthy_panic_threshold"}},
	} {
		if n, lately := d.count(c.stat); n > 0 {
			one := "request"
			if strings.HasPrefix(c.stat, "ssl.") || strings.HasPrefix(c.stat, "upstream_cx_p") {
				one = "connection"
			}
			d.add(ifGoingOn(c.worst, lately), "the cluster", times(n, lately, one)+" "+c.what, c.remedy, c.policy...)
		}
	}
}

// Requests is how many requests the Envoy sent to endpoints, and how many of them failed.
func (t Traffic) Requests() (all, failed uint64) {
	for _, e := range t.Endpoints {
		all, failed = all+e.counts["rq_total"], failed+e.counts["rq_error"]
	}
	return all, failed
}

// times says how many there were, and how many of them lately.
func times(n, lately uint64, one string) string {
	if n != 1 {
		one += "s"
	}
	if lately == 0 {
		return fmt.Sprintf("%d %s (none just now)", n, one)
	}
	return fmt.Sprintf("%d %s (%d just now)", n, one, lately)
}
