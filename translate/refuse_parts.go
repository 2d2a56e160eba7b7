package translate

import (
	"fmt"
	"math/big"
	"net/netip"
	"slices"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
)

// balance looks at how endpoints are chosen.
func (r *refuser) balance() {
	c := r.cluster
	subsets := c.LbSubsetConfig
	if c.LoadBalancingPolicy != nil { // it takes the place of lb_policy
		if subsets != nil {
			r.wrong("load_balancing_policy and lb_subset_config are both there", "use envoy.extensions.load_balancing_policies.subset.v3.Subset, or no subsets")
		}
		if l := c.CommonLbConfig; l.GetLocalityConfigSpecifier() != nil || l.GetConsistentHashingLbConfig() != nil {
			r.wrong("load_balancing_policy and a part of common_lb_config are both there", "set zone_aware_lb_config, locality_weighted_lb_config or consistent_hashing_lb_config within the policy")
		}
		return
	}
	switch c.LbPolicy {
	case clusterv3.Cluster_CLUSTER_PROVIDED:
		r.wrong("lb_policy CLUSTER_PROVIDED is not for clusters with endpoints from Legate", "take another one")
	case clusterv3.Cluster_LOAD_BALANCING_POLICY_CONFIG:
		r.wrong("lb_policy LOAD_BALANCING_POLICY_CONFIG has no load_balancing_policy", "set load_balancing_policy")
	}
	for _, s := range subsets.GetSubsetSelectors() {
		r.selector(s.Keys, s.FallbackPolicy == clusterv3.Cluster_LbSubsetConfig_LbSubsetSelector_KEYS_SUBSET, s.FallbackKeysSubset)
	}
	if subsets.GetLocalityWeightAware() && c.GetCommonLbConfig().GetLocalityWeightedLbConfig() == nil {
		r.wrong("lb_subset_config.locality_weight_aware has no locality_weighted_lb_config", "set common_lb_config.locality_weighted_lb_config")
	}
	if len(subsets.GetSubsetSelectors()) > 0 { // the others are checked when there are endpoints
		return
	}
	switch c.LbPolicy {
	case clusterv3.Cluster_RING_HASH:
		h := c.GetRingHashLbConfig()
		r.ring(orOf(h.GetMinimumRingSize().GetValue(), h.GetMinimumRingSize() != nil, 1024), orOf(h.GetMaximumRingSize().GetValue(), h.GetMaximumRingSize() != nil, 8388608))
	case clusterv3.Cluster_MAGLEV:
		if n := c.GetMaglevLbConfig().GetTableSize(); n != nil {
			r.table(n.Value)
		}
	}
}

func (r *refuser) ring(minimum, maximum uint64) {
	if minimum > maximum {
		r.wrong(fmt.Sprintf("the ring's minimum %d is above its maximum %d (Envoy's defaults are 1024 and 8388608)", minimum, maximum), "set both, the minimum not above the maximum")
	}
}

func (r *refuser) table(size uint64) {
	if size != 1 && !new(big.Int).SetUint64(size).ProbablyPrime(0) {
		r.wrong(fmt.Sprintf("table_size %d is no prime number", size), "take a prime, such as 65537")
	}
}

// selector looks at one of subset_selectors.
func (r *refuser) selector(keys []string, byKeys bool, fallback []string) {
	distinct := func(list []string) []string { return slices.Compact(slices.Sorted(slices.Values(list))) }
	own, part := distinct(keys), distinct(fallback)
	switch {
	case !byKeys && len(part) > 0:
		r.wrong("fallback_keys_subset is there without fallback_policy KEYS_SUBSET", "set that, or remove fallback_keys_subset")
	case byKeys && (len(part) == 0 || slices.Equal(own, part) || slices.ContainsFunc(part, func(key string) bool { return !slices.Contains(own, key) })):
		r.wrong("fallback_keys_subset is not a part of the selector's keys", "name some of keys, and not all of them")
	}
}

// limits looks at circuit breakers, outlier detection and filters.
func (r *refuser) limits() {
	for _, t := range r.cluster.GetCircuitBreakers().GetPerHostThresholds() {
		if t.MaxPendingRequests != nil || t.MaxRequests != nil || t.MaxRetries != nil || t.MaxConnectionPools != nil || t.RetryBudget != nil {
			r.wrong("per_host_thresholds has more than max_connections", "leave priority, max_connections and track_remaining")
		}
	}
	if o := r.cluster.OutlierDetection; o.GetMaxEjectionTime() != nil {
		base := orOf(o.GetBaseEjectionTime().AsDuration(), o.BaseEjectionTime != nil, 30e9)
		if most := o.MaxEjectionTime.AsDuration(); most < base {
			r.wrong(fmt.Sprintf("max_ejection_time %v is less than base_ejection_time %v", most, base), "set it to at least base_ejection_time")
		}
	}
	for _, f := range r.cluster.Filters {
		if f.ConfigDiscovery == nil && !networkFilters.has(f.TypedConfig) {
			r.wrong("filters: "+quote(f.Name)+" is no network filter for connections to a service", "remove it")
		}
	}
}

// bind looks at the addresses of Envoy's machine.
func (r *refuser) bind(b *corev3.BindConfig) {
	if b == nil {
		return
	}
	var extra []*corev3.SocketAddress
	for _, one := range b.ExtraSourceAddresses {
		extra = append(extra, one.Address)
	}
	extra = append(extra, b.AdditionalSourceAddresses...) //nolint:staticcheck // Envoy still reads it
	own := r.address(b.SourceAddress)
	switch {
	case len(extra) > 0 && b.SourceAddress == nil:
		r.wrong("upstream_bind_config has further addresses and no source_address", "set source_address")
	case len(extra) > 1:
		r.wrong("upstream_bind_config has more than one further address", "leave one, of the other family")
	case len(extra) == 1:
		if other := r.address(extra[0]); own.IsValid() && other.IsValid() && own.Is4() == other.Is4() {
			r.wrong("upstream_bind_config has two addresses of one family", "leave one of IPv4 and one of IPv6")
		}
	}
	if s := b.LocalAddressSelector; s != nil && !addressSelectors.has(s.TypedConfig) {
		r.wrong("local_address_selector is none that Envoy has", "remove it")
	}
}

// address is a source address; it is not valid if Envoy does not take it, or if there is none.
func (r *refuser) address(a *corev3.SocketAddress) netip.Addr {
	if a == nil {
		return netip.Addr{}
	}
	if a.ResolverName != "" || a.GetNamedPort() != "" {
		r.wrong("upstream_bind_config has an address with a resolver_name or a named_port", "write address and port_value")
	}
	ip, err := netip.ParseAddr(a.Address)
	if err != nil {
		r.wrong("upstream_bind_config: "+quote(a.Address)+" is not an IP address", "write an address of Envoy's machine")
	}
	return ip
}

func (r *refuser) tls(t *tlsv3.CommonTlsContext) {
	length := 0
	for _, one := range t.AlpnProtocols {
		length = max(length, len(one))
	}
	if length > 255 {
		r.wrong("alpn_protocols has one of more than 255 bytes", "write names such as h2")
	}
	v := t.GetValidationContext()
	if len(v.GetMatchTypedSubjectAltNames())+len(v.GetMatchSubjectAltNames()) > 0 && v.TrustedCa == nil && v.CaCertificateProviderInstance == nil && v.WatchedDirectory == nil { //nolint:staticcheck // Envoy still reads it
		r.wrong("names are checked, and no authority", "set validation_context.trusted_ca")
	}
	if v.GetCustomValidatorConfig() != nil || t.CustomHandshaker != nil || t.CustomTlsCertificateSelector != nil {
		r.wrong("custom_validator_config, custom_handshaker or custom_tls_certificate_selector is none that Envoy has", "remove it")
	}
}
