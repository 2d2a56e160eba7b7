package translate

import (
	"encoding/hex"
	"fmt"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"legate/translate/policy"
)

// What Envoy demands of a health check, where the policy does not say it.
const (
	checkTimeout            = time.Second
	checkInterval           = 5 * time.Second
	checkUnhealthyThreshold = 3
	checkHealthyThreshold   = 2
)

func healthChecks(p policy.Policy) []*corev3.HealthCheck {
	var all []*corev3.HealthCheck
	for n, h := range p.HealthChecks {
		c := &corev3.HealthCheck{
			Timeout:               durationpb.New(checkTimeout),
			Interval:              durationpb.New(checkInterval),
			UnhealthyThreshold:    wrapperspb.UInt32(checkUnhealthyThreshold),
			HealthyThreshold:      wrapperspb.UInt32(checkHealthyThreshold),
			UnhealthyInterval:     span(h.UnhealthyInterval),
			UnhealthyEdgeInterval: span(h.UnhealthyEdgeInterval),
			HealthyEdgeInterval:   span(h.HealthyEdgeInterval),
			NoTrafficInterval:     span(h.NoTrafficInterval),
			InitialJitter:         span(h.InitialJitter),
			IntervalJitter:        span(h.IntervalJitter),
			AltPort:               whole(h.Port),
			ReuseConnection:       truth(h.ReuseConnection),
		}
		if h.Timeout != nil {
			c.Timeout = span(h.Timeout)
		}
		if h.Interval != nil {
			c.Interval = span(h.Interval)
		}
		if h.UnhealthyThreshold != nil {
			c.UnhealthyThreshold = whole(h.UnhealthyThreshold)
		}
		if h.HealthyThreshold != nil {
			c.HealthyThreshold = whole(h.HealthyThreshold)
		}
		if len(p.HealthChecks) > 1 {
			c.Name = fmt.Sprintf("%s-%d", text(h.Type), n) // Envoy tells several apart by their names
		}
		asks(c, h, p)
		all = append(all, c)
	}
	return all
}

// asks sets what the check sends, and what a good answer is.
func asks(c *corev3.HealthCheck, h policy.HealthCheck, p policy.Policy) {
	switch text(h.Type) {
	case "http":
		http := &corev3.HealthCheck_HttpHealthCheck{Path: text(h.Path), Host: text(h.Host),
			Method: corev3.RequestMethod(corev3.RequestMethod_value[text(h.Method)])}
		for _, s := range h.ExpectedStatuses {
			first, last, _ := policy.Statuses(s)
			http.ExpectedStatuses = append(http.ExpectedStatuses, &typev3.Int64Range{Start: first, End: last + 1})
		}
		if s := p.Speaks(); s == "http2" || s == "grpc" {
			http.CodecClientType = typev3.CodecClientType_HTTP2
		}
		c.HealthChecker = &corev3.HealthCheck_HttpHealthCheck_{HttpHealthCheck: http}
	case "grpc":
		c.HealthChecker = &corev3.HealthCheck_GrpcHealthCheck_{GrpcHealthCheck: &corev3.HealthCheck_GrpcHealthCheck{ServiceName: text(h.ServiceName), Authority: text(h.Host)}}
	default:
		tcp := &corev3.HealthCheck_TcpHealthCheck{Send: payload(h.Send)}
		if h.Receive != nil {
			tcp.Receive = []*corev3.HealthCheck_Payload{payload(h.Receive)}
		}
		c.HealthChecker = &corev3.HealthCheck_TcpHealthCheck_{TcpHealthCheck: tcp}
	}
}

// payload is a text in hexadecimal, as Envoy wants it.
func payload(s *string) *corev3.HealthCheck_Payload {
	if s == nil {
		return nil
	}
	return &corev3.HealthCheck_Payload{Payload: &corev3.HealthCheck_Payload_Text{Text: hex.EncodeToString([]byte(*s))}}
}
