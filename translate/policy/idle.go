package policy

import (
	"fmt"
	"slices"
	"strings"
)

// need says what fields need, so that they have an effect. Envoy takes them without it, and does not look at them.
type need struct {
	fields    string // paths of fields and groups, separated by spaces
	deciders  string // paths of the fields and groups that decide, the most telling one first
	otherwise string // what the first of them is while nobody sets it
	met       func(Policy) bool
	remedy    string
}

// needs are all of them. That nothing is missing is tested: what changes neither the cluster nor the assignment,
// whatever its value, is here. The others are what Envoy's reference says of its fields.
var needs = []need{
	{"http2", "protocol", "http1", func(p Policy) bool { return speaks(p, "http2", "grpc", "auto", "downstream") }, "set protocol to http2 or grpc, or remove them"},
	{"http2.keepalive_timeout", "http2.keepalive_interval http2.keepalive_idle_interval", "not set",
		func(p Policy) bool { return p.HTTP2.KeepaliveInterval != nil || p.HTTP2.KeepaliveIdleInterval != nil }, "set http2.keepalive_interval"},
	{"http2.keepalive_jitter", "http2.keepalive_interval", "not set", func(p Policy) bool { return p.HTTP2.KeepaliveInterval != nil }, "set http2.keepalive_interval"},
	{"max_requests_per_connection max_connection_duration max_stream_duration", "protocol", "http1", func(p Policy) bool { return !speaks(p, "tcp") },
		"remove it: Envoy's TCP proxy has limits of its own; idle_timeout counts for tcp, too"},
	{"circuit_breakers.max_requests circuit_breakers.max_retries circuit_breakers.retry_budget_percent circuit_breakers.retry_budget_min_concurrency circuit_breakers.high",
		"protocol", "http1", func(p Policy) bool { return !speaks(p, "tcp") }, "remove it: tcp has connections, all of the default priority"},
	{"circuit_breakers", "envoy", "not set", func(p Policy) bool {
		return p.Envoy == nil || len(p.Envoy.Cluster.GetCircuitBreakers().GetThresholds()) == 0
	},
		"remove it: envoy.circuit_breakers.thresholds takes its place"},
	{"circuit_breakers.max_retries", "circuit_breakers.retry_budget_percent circuit_breakers.retry_budget_min_concurrency", "not set",
		func(p Policy) bool { return !p.CircuitBreakers.budgeted() }, "remove it, or the retry budget, which takes its place"},
	{"circuit_breakers.high.max_retries", "circuit_breakers.high.retry_budget_percent circuit_breakers.high.retry_budget_min_concurrency", "not set",
		func(p Policy) bool { return !p.CircuitBreakers.High.budgeted() }, "remove it, or the retry budget, which takes its place"},
	{"lb_policy least_request ring_hash maglev slow_start locality zone_aware", "envoy", "not set",
		func(p Policy) bool { return p.Envoy == nil || p.Envoy.Cluster.LoadBalancingPolicy == nil }, "remove it: envoy.load_balancing_policy takes its place"},
	{"circuit_breakers", "envoy", "not set", func(p Policy) bool {
		return p.Envoy == nil || len(p.Envoy.Cluster.GetCircuitBreakers().GetThresholds()) == 0
	},
		"remove it: envoy.circuit_breakers.thresholds takes its place"},
	{"least_request", "lb_policy", "round_robin", balances("least_request"), "set lb_policy to least_request, or remove it"},
	{"ring_hash", "lb_policy", "round_robin", balances("ring_hash"), "set lb_policy to ring_hash, or remove it"},
	{"maglev", "lb_policy", "round_robin", balances("maglev"), "set lb_policy to maglev, or remove it"},
	{"slow_start", "lb_policy", "round_robin", func(p Policy) bool { return p.LBPolicy == nil || balances("round_robin", "least_request")(p) },
		"set lb_policy to round_robin or least_request, or remove it"},
	{"slow_start.aggression slow_start.min_weight_percent", "slow_start.window", "not set", func(p Policy) bool { return orElse(p.SlowStart.Window, 0) > 0 }, "set slow_start.window"},
	{"locality", "lb_policy", "round_robin", func(p Policy) bool { return !is(p.Locality, "zone_aware") || !balances("ring_hash", "maglev")(p) },
		"take another lb_policy, or locality weighted: a hash knows no zones"},
	{"zone_aware", "locality", "not set", func(p Policy) bool { return is(p.Locality, "zone_aware") }, "set locality to zone_aware"},
	{"outlier_detection", "outlier_detection.enabled", "not set", func(p Policy) bool { return orElse(p.OutlierDetection.Enabled, true) }, "remove it, or outlier_detection.enabled"},
	{"outlier_detection.consecutive_local_origin_failure outlier_detection.enforcing_consecutive_local_origin_failure outlier_detection.enforcing_local_origin_success_rate outlier_detection.enforcing_failure_percentage_local_origin",
		"outlier_detection.split_external_local_origin_errors", "false", func(p Policy) bool { return orElse(p.OutlierDetection.SplitLocal, false) },
		"set outlier_detection.split_external_local_origin_errors to true"},
	{"outlier_detection.successful_active_health_check_uneject_host ignore_health_on_host_removal", "health_checks", "not set",
		func(p Policy) bool { return len(p.HealthChecks) > 0 }, "set health_checks, or remove it"},
	{"close_connections_on_host_health_failure", "health_checks outlier_detection", "not set",
		func(p Policy) bool { return len(p.HealthChecks) > 0 || p.OutlierDetection.on() }, "set health_checks or outlier_detection, or remove it"},
	{"tls", "tls.enabled", "not set", func(p Policy) bool { return orElse(p.TLS.Enabled, true) }, "remove it, or tls.enabled"},
	{"failover_when", "failover prefer", "not set", func(p Policy) bool {
		return p.Failover != nil && !p.Failover.Are(None) || is(p.Prefer, "zone", "region")
	}, "set failover or prefer, or remove it"},
	{"failover_when", "overprovisioning_factor", "not set", func(p Policy) bool { return p.OverprovisioningFactor == nil }, "remove it, or overprovisioning_factor, which takes its place"},
	{"subsets", "subsets.selectors", "not set", func(p Policy) bool { return len(p.Subsets.Selectors) > 0 }, "set subsets.selectors"},
	{"subsets.default_subset", "subsets.fallback_policy subsets.selectors", "no_fallback", func(p Policy) bool { return p.Subsets.defaulting() }, "set subsets.fallback_policy to default_subset"},
	{"subsets.selectors", "endpoint_metadata", "not set", func(p Policy) bool { return p.EndpointMetadata.has(p.Subsets.Selectors) },
		"name each of their keys under endpoint_metadata, or no endpoint has them"},
}

func speaks(p Policy, any ...string) bool { return slices.Contains(any, p.Speaks()) }

// balances is whether endpoints are chosen in one of these ways.
func balances(any ...string) func(Policy) bool {
	return func(p Policy) bool { return slices.Contains(any, orElse(p.LBPolicy, "round_robin")) }
}

func (t Thresholds) budgeted() bool { return t.BudgetPercent != nil || t.MinRetryConcurrency != nil }

func (o Outlier) on() bool { return o != (Outlier{}) && orElse(o.Enabled, true) }

// defaulting reports whether some request can fall back to the default subset.
func (s Subsets) defaulting() bool {
	return is(s.Fallback, "default_subset") || slices.ContainsFunc(s.Selectors, func(one Selector) bool { return is(one.Fallback, "default_subset") })
}

// has reports whether endpoints can have all keys of one of the selectors at least.
func (m Metadata) has(selectors []Selector) bool {
	given := slices.Concat(m.Meta, m.NodeMeta, m.Tags)
	return len(selectors) == 0 || slices.ContainsFunc(selectors, func(s Selector) bool { return within(s.Keys, given) })
}

// of reports whether a field is one of those that have the need. A field that decides is none of those that it
// decides on.
func (n *need) of(path string) bool {
	return covers(n.fields, path) && !slices.Contains(strings.Fields(n.deciders), path)
}

// decides reports whether a field is one of those that decide.
func (n *need) decides(path string) bool { return covers(n.deciders, path) }

// covers reports whether a path is that of one of these fields, or in one of these groups.
func covers(paths, path string) bool {
	return slices.ContainsFunc(strings.Fields(paths), func(one string) bool { return path == one || strings.HasPrefix(path, one+".") })
}

// Idle is a value that holds and has no effect.
type Idle struct {
	Value  *Value
	Detail string // why: what the fields that decide say, and who said it
	Remedy string
}

// Idle are the values that hold and have no effect, in the order of [Fields].
func (e *Effective) Idle() (all []Idle) {
	p := e.Policy()
	for _, v := range e.values {
		if n := idleIn(p, v.Field); n != nil {
			all = append(all, Idle{v, n.why(e.values), n.remedy})
		}
	}
	return all
}

// idleIn is the need of a field that a policy does not meet; nil if there is none.
func idleIn(p Policy, f *Field) *need {
	for i := range needs {
		if n := &needs[i]; n.of(f.Path) && !n.met(p) {
			return n
		}
	}
	return nil
}

// why is what the deciding fields say in a layer.
func (n *need) why(l Layer) string {
	for path := range strings.FieldsSeq(n.deciders) {
		for _, v := range l {
			if covers(path, v.Field.Path) {
				return fmt.Sprintf("%s is %s (%s)", v.Field.Path, v.brief(), v.Source)
			}
		}
	}
	first, _, _ := strings.Cut(n.deciders, " ")
	if n.otherwise == "not set" {
		return first + " is not set"
	}
	return fmt.Sprintf("%s is %s by default", first, n.otherwise)
}

// brief is the value on a part of a line.
func (v *Value) brief() string {
	const most = 60
	if s := v.Show(); len(s) <= most {
		return s
	}
	return "what it is"
}
