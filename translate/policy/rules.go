package policy

import (
	"fmt"
	"math/big"
	"net/netip"
	"slices"
)

// The rules say what Envoy refuses although each field by itself is within its bounds, and what it accepts
// and then fails at. Each is shown on a real Envoy by internal/e2e's test of random policies.

// Speaks is the protocol in force. Without one it is http1, as it is for Envoy.
func (p Policy) Speaks() string {
	if p.Protocol == nil {
		return "http1"
	}
	return *p.Protocol
}

func (c *checker) protocol() {
	p := c.policy
	if p.Speaks() == "auto" && !p.TLS.On() {
		c.lacks("protocol", "tls.enabled", "auto lets TLS choose the protocol, and there is no TLS", "set tls, or say which protocol it is")
	}
	if h := p.HTTP2; (h.KeepaliveInterval != nil || h.KeepaliveIdleInterval != nil) && h.KeepaliveTimeout == nil {
		c.lacks("http2.keepalive_interval http2.keepalive_idle_interval", "http2.keepalive_timeout", "a ping needs a time limit", "set http2.keepalive_timeout too")
	}
	if k := p.TCPKeepalive; !k.whole() {
		c.wrong("tcp_keepalive.time tcp_keepalive.interval", "the system counts whole seconds", "write whole seconds, such as 30s")
	}
	if s := p.SourceAddress; s != nil {
		if ip, err := netip.ParseAddr(*s); err != nil || ip.Zone() != "" {
			c.wrong("source_address", quote(*s)+" is not an IP address", "write an address of Envoy's machine, such as 10.0.0.5")
		}
	}
}

func (k Keepalive) whole() bool {
	const second = Duration(1e9)
	return (k.Time == nil || *k.Time%second == 0) && (k.Interval == nil || *k.Interval%second == 0)
}

func (c *checker) balance() {
	p := c.policy
	if s := p.SlowStart.Window; s != nil && *s > 0 && p.LBPolicy != nil && !is(p.LBPolicy, "round_robin", "least_request") {
		c.wrong("slow_start.window lb_policy", "there is no slow start with "+*p.LBPolicy, "use round_robin or least_request, or set slow_start.window to 0s")
	}
	if is(p.Prefer, "zone") && is(p.Locality, "zone_aware") {
		c.wrong("prefer locality", "zone_aware spreads requests over zones, and with prefer zone there is only one to choose from",
			"take one of the two: prefer zone is strict and needs nothing of Envoy, zone_aware also keeps the load even; or prefer region, within which zone_aware chooses")
	}
	if r := p.RingHash; r.Minimum != nil && *r.Minimum > orElse(r.Maximum, 8388608) || r.Maximum != nil && *r.Maximum < orElse(r.Minimum, 1024) {
		c.wrong("ring_hash.minimum_ring_size ring_hash.maximum_ring_size", "the minimum is above the maximum (Envoy's defaults are 1024 and 8388608)", "set both, the minimum not above the maximum")
	}
	if n := p.Maglev.TableSize; n != nil && !new(big.Int).SetUint64(*n).ProbablyPrime(0) {
		c.wrong("maglev.table_size", fmt.Sprintf("%d is no prime number", *n), "take a prime, such as 65537 or 655373")
	}
}

// orElse is the value, or the default where there is none.
func orElse[T any](v *T, otherwise T) T {
	if v == nil {
		return otherwise
	}
	return *v
}

func (c *checker) outlier() {
	o := c.policy.OutlierDetection
	base := orElse(o.BaseEjectionTime, Duration(30e9))
	if o.MaxEjectionTime != nil && *o.MaxEjectionTime < base {
		c.wrong("outlier_detection.max_ejection_time outlier_detection.base_ejection_time",
			fmt.Sprintf("the maximum %v is less than the base %v", *o.MaxEjectionTime, base), "set max_ejection_time to at least base_ejection_time")
	}
}

func (c *checker) subsets() {
	s := c.policy.Subsets
	if is(s.Fallback, "default_subset") && len(s.DefaultSubset) == 0 {
		c.lacks("subsets.fallback_policy", "subsets.default_subset", "there is no default subset", "set subsets.default_subset")
	}
	if orElse(s.LocalityAware, false) && !is(c.policy.Locality, "weighted") {
		c.lacks("subsets.locality_weight_aware", "locality", "localities do not count", "set locality to weighted")
	}
	if orElse(s.ScaleLocalityWeight, false) && !orElse(s.LocalityAware, false) {
		c.lacks("subsets.scale_locality_weight", "subsets.locality_weight_aware", "localities do not count within subsets", "set subsets.locality_weight_aware too")
	}
	for i, one := range s.Selectors {
		c.selector(fmt.Sprintf("[%d]: ", i), one)
	}
}

func (c *checker) selector(at string, s Selector) {
	const field = "subsets.selectors"
	if len(s.Keys) == 0 {
		c.wrong(field, at+"it has no keys", "set keys, such as [version]")
		return
	}
	if repeated(s.Keys) || repeated(s.FallbackKeysSubset) {
		c.wrong(field, at+"a key is there twice", "remove one")
	}
	if is(s.Fallback, "keys_subset") {
		if len(s.FallbackKeysSubset) == 0 || len(s.FallbackKeysSubset) >= len(s.Keys) || !within(s.FallbackKeysSubset, s.Keys) {
			c.wrong(field, at+"fallback_keys_subset is not a part of its keys", "name some of keys, and not all of them")
		}
	} else if len(s.FallbackKeysSubset) > 0 {
		c.wrong(field, at+"fallback_keys_subset counts for fallback_policy keys_subset only", "set that, or remove fallback_keys_subset")
	}
	if orElse(s.SingleHost, false) && len(s.Keys) != 1 {
		c.wrong(field, at+"single_host_per_subset needs exactly one key", "leave one key, or remove single_host_per_subset")
	}
}

func repeated(list []string) bool {
	seen := map[string]bool{}
	for _, one := range list {
		if seen[one] {
			return true
		}
		seen[one] = true
	}
	return false
}

func within(part, whole []string) bool {
	for _, one := range part {
		if !slices.Contains(whole, one) {
			return false
		}
	}
	return true
}
