package translate

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"legate/translate/policy"
)

func circuitBreakers(b policy.CircuitBreakers) *clusterv3.CircuitBreakers {
	var c clusterv3.CircuitBreakers
	for _, one := range []struct {
		priority corev3.RoutingPriority
		policy.Thresholds
	}{{corev3.RoutingPriority_DEFAULT, b.Thresholds}, {corev3.RoutingPriority_HIGH, b.High}} {
		if one.Thresholds == (policy.Thresholds{}) {
			continue
		}
		t := &clusterv3.CircuitBreakers_Thresholds{
			Priority:           one.priority,
			MaxConnections:     whole(one.MaxConnections),
			MaxPendingRequests: whole(one.MaxPendingRequests),
			MaxRequests:        whole(one.MaxRequests),
			MaxRetries:         whole(one.MaxRetries),
			MaxConnectionPools: whole(one.MaxConnectionPools),
			TrackRemaining:     isTrue(one.TrackRemaining),
		}
		if one.BudgetPercent != nil || one.MinRetryConcurrency != nil {
			t.RetryBudget = &clusterv3.CircuitBreakers_Thresholds_RetryBudget{BudgetPercent: percent(one.BudgetPercent), MinRetryConcurrency: whole(one.MinRetryConcurrency)}
		}
		c.Thresholds = append(c.Thresholds, t)
	}
	if len(c.Thresholds) == 0 {
		return nil
	}
	return &c
}

// outlierDetection is nil where it is off.
func outlierDetection(o policy.Outlier) *clusterv3.OutlierDetection {
	if o == (policy.Outlier{}) || o.Enabled != nil && !*o.Enabled {
		return nil
	}
	return &clusterv3.OutlierDetection{
		Consecutive_5Xx:                        whole(o.Consecutive5xx),
		Interval:                               span(o.Interval),
		BaseEjectionTime:                       span(o.BaseEjectionTime),
		MaxEjectionTime:                        span(o.MaxEjectionTime),
		MaxEjectionTimeJitter:                  span(o.MaxEjectionTimeJitter),
		MaxEjectionPercent:                     whole(o.MaxEjectionPercent),
		EnforcingConsecutive_5Xx:               whole(o.EnforcingConsecutive5xx),
		ConsecutiveGatewayFailure:              whole(o.ConsecutiveGateway),
		EnforcingConsecutiveGatewayFailure:     whole(o.EnforcingGateway),
		SplitExternalLocalOriginErrors:         isTrue(o.SplitLocal),
		ConsecutiveLocalOriginFailure:          whole(o.ConsecutiveLocal),
		EnforcingConsecutiveLocalOriginFailure: whole(o.EnforcingLocal),
		EnforcingSuccessRate:                   whole(o.EnforcingSuccessRate),
		EnforcingLocalOriginSuccessRate:        whole(o.EnforcingLocalSuccessRate),
		SuccessRateMinimumHosts:                whole(o.SuccessRateMinimumHosts),
		SuccessRateRequestVolume:               whole(o.SuccessRateVolume),
		SuccessRateStdevFactor:                 whole(o.SuccessRateStdev),
		FailurePercentageThreshold:             whole(o.FailurePercentageThreshold),
		EnforcingFailurePercentage:             whole(o.EnforcingFailurePercentage),
		EnforcingFailurePercentageLocalOrigin:  whole(o.EnforcingFailureLocal),
		FailurePercentageMinimumHosts:          whole(o.FailurePercentageMinimumHosts),
		FailurePercentageRequestVolume:         whole(o.FailurePercentageVolume),
		SuccessfulActiveHealthCheckUnejectHost: truth(o.UnejectOnCheck),
		AlwaysEjectOneHost:                     truth(o.AlwaysEjectOne),
	}
}
