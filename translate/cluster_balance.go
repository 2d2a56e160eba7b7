package translate

import (
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"legate/translate/policy"
)

// balance sets how an endpoint is chosen. Settings of another way to choose than the one in force stay out; a raw
// load_balancing_policy takes the place of them all.
func balance(c *clusterv3.Cluster, p policy.Policy) {
	c.CommonLbConfig = &clusterv3.Cluster_CommonLbConfig{HealthyPanicThreshold: percent(p.HealthyPanicThreshold)}
	if p.Envoy != nil && p.Envoy.Cluster.LoadBalancingPolicy != nil {
		return
	}
	switch text(p.Locality) {
	case "weighted":
		c.CommonLbConfig.LocalityConfigSpecifier = &clusterv3.Cluster_CommonLbConfig_LocalityWeightedLbConfig_{
			LocalityWeightedLbConfig: &clusterv3.Cluster_CommonLbConfig_LocalityWeightedLbConfig{}}
	case "zone_aware":
		c.CommonLbConfig.LocalityConfigSpecifier = &clusterv3.Cluster_CommonLbConfig_ZoneAwareLbConfig_{
			ZoneAwareLbConfig: &clusterv3.Cluster_CommonLbConfig_ZoneAwareLbConfig{
				RoutingEnabled: percent(p.ZoneAware.Routing), MinClusterSize: long(p.ZoneAware.MinClusterSize), FailTrafficOnPanic: isTrue(p.ZoneAware.FailOnPanic)}}
	}
	if p.LBPolicy != nil {
		c.LbPolicy = clusterv3.Cluster_LbPolicy(clusterv3.Cluster_LbPolicy_value[strings.ToUpper(*p.LBPolicy)])
	}
	slow := slowStart(p.SlowStart)
	switch c.LbPolicy {
	case clusterv3.Cluster_ROUND_ROBIN:
		if slow != nil {
			c.LbConfig = &clusterv3.Cluster_RoundRobinLbConfig_{RoundRobinLbConfig: &clusterv3.Cluster_RoundRobinLbConfig{SlowStartConfig: slow}}
		}
	case clusterv3.Cluster_LEAST_REQUEST:
		if l := p.LeastRequest; slow != nil || l != (policy.LeastRequest{}) {
			c.LbConfig = &clusterv3.Cluster_LeastRequestLbConfig_{LeastRequestLbConfig: &clusterv3.Cluster_LeastRequestLbConfig{
				ChoiceCount: whole(l.ChoiceCount), ActiveRequestBias: factor(l.Bias, "bias"), SlowStartConfig: slow}}
		}
	case clusterv3.Cluster_RING_HASH:
		if h := p.RingHash; h != (policy.RingHash{}) {
			c.LbConfig = &clusterv3.Cluster_RingHashLbConfig_{RingHashLbConfig: &clusterv3.Cluster_RingHashLbConfig{
				MinimumRingSize: long(h.Minimum), MaximumRingSize: long(h.Maximum),
				HashFunction: clusterv3.Cluster_RingHashLbConfig_HashFunction(clusterv3.Cluster_RingHashLbConfig_HashFunction_value[strings.ToUpper(text(h.Function))])}}
		}
	case clusterv3.Cluster_MAGLEV:
		if p.Maglev.TableSize != nil {
			c.LbConfig = &clusterv3.Cluster_MaglevLbConfig_{MaglevLbConfig: &clusterv3.Cluster_MaglevLbConfig{TableSize: long(p.Maglev.TableSize)}}
		}
	}
}

// slowStart is nil where endpoints are never new.
func slowStart(s policy.SlowStart) *clusterv3.Cluster_SlowStartConfig {
	if s.Window == nil || *s.Window == 0 {
		return nil
	}
	return &clusterv3.Cluster_SlowStartConfig{SlowStartWindow: span(s.Window), Aggression: factor(s.Aggression, "aggression"),
		MinWeightPercent: percent(s.MinWeight)}
}

// factor is a number that Envoy's runtime could override under a key, which Envoy demands.
func factor(f *float64, key string) *corev3.RuntimeDouble {
	if f == nil {
		return nil
	}
	return &corev3.RuntimeDouble{DefaultValue: *f, RuntimeKey: "legate." + key}
}

// subsets is nil without selectors: there is nothing to choose then.
func subsets(s policy.Subsets) *clusterv3.Cluster_LbSubsetConfig {
	if len(s.Selectors) == 0 {
		return nil
	}
	c := &clusterv3.Cluster_LbSubsetConfig{
		FallbackPolicy:      clusterv3.Cluster_LbSubsetConfig_LbSubsetFallbackPolicy(clusterv3.Cluster_LbSubsetConfig_LbSubsetFallbackPolicy_value[strings.ToUpper(text(s.Fallback))]),
		ListAsAny:           isTrue(s.ListAsAny),
		ScaleLocalityWeight: isTrue(s.ScaleLocalityWeight),
		LocalityWeightAware: isTrue(s.LocalityAware),
		PanicModeAny:        isTrue(s.PanicModeAny),
	}
	if len(s.DefaultSubset) > 0 {
		c.DefaultSubset = &structpb.Struct{Fields: map[string]*structpb.Value{}}
		for key, value := range s.DefaultSubset {
			c.DefaultSubset.Fields[key] = structpb.NewStringValue(value)
		}
	}
	type fallback = clusterv3.Cluster_LbSubsetConfig_LbSubsetSelector_LbSubsetSelectorFallbackPolicy
	for _, one := range s.Selectors {
		c.SubsetSelectors = append(c.SubsetSelectors, &clusterv3.Cluster_LbSubsetConfig_LbSubsetSelector{
			Keys: one.Keys, FallbackKeysSubset: one.FallbackKeysSubset, SingleHostPerSubset: isTrue(one.SingleHost),
			FallbackPolicy: fallback(clusterv3.Cluster_LbSubsetConfig_LbSubsetSelector_LbSubsetSelectorFallbackPolicy_value[strings.ToUpper(text(one.Fallback))]),
		})
	}
	return c
}
