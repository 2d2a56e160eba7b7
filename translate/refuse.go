package translate

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	injectorv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/credential_injector/v3"
	weightedv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3"
	maglevv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/maglev/v3"
	overridev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/override_host/v3"
	ringv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/ring_hash/v3"
	subsetv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/subset/v3"
	localityv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/wrr_locality/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
)

// refuser finds what Envoy refuses in a cluster that raw fields were merged into, beyond what its own validation
// rules say. What depends on Envoy's machine, such as files and secrets, is not known here.
type refuser struct {
	cluster *clusterv3.Cluster
	found   []string
}

// refused are the reasons, each with its remedy; nil: Envoy takes the cluster.
func refused(c *clusterv3.Cluster) error {
	r := &refuser{cluster: c}
	r.balance()
	r.protocol()
	r.checks()
	r.limits()
	r.bind(c.UpstreamBindConfig)
	r.matcher()
	r.walk(c.ProtoReflect())
	if len(r.found) == 0 {
		return nil
	}
	return errors.New(strings.Join(r.found, "; "))
}

func (r *refuser) wrong(detail, remedy string) { r.found = append(r.found, detail+": "+remedy) }

// walk looks at each message in m, however deep, packed ones as well.
func (r *refuser) walk(m protoreflect.Message) {
	deeper := true
	switch one := m.Interface().(type) {
	case *anypb.Any:
		if inner, err := one.UnmarshalNew(); err == nil { // what cannot be read was refused before
			r.walk(inner.ProtoReflect())
		}
		return
	case *clusterv3.LoadBalancingPolicy:
		r.balancer(one)
		deeper = false
	case *durationpb.Duration:
		r.span(one)
	case *matcherv3.RegexMatcher:
		if _, err := regexp.Compile(one.Regex); err != nil {
			r.wrong(fmt.Sprintf("regex %s is none", quote(one.Regex)), "correct it; it is of RE2")
		}
	case *clusterv3.Cluster_TransportSocketMatch:
		if one.TransportSocket == nil {
			r.wrong("transport_socket_matches: "+quote(one.Name)+" has no transport_socket", "set one")
		}
	case *corev3.TransportSocket:
		if !sockets.has(one.GetTypedConfig()) {
			r.wrong(fmt.Sprintf("transport socket %s has no typed_config of a transport socket for connections to a service", quote(one.Name)), "set one, such as envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer")
		}
	case *corev3.Http2ProtocolOptions:
		r.settings(one)
	case *corev3.Http1ProtocolOptions_HeaderKeyFormat:
		if f := one.GetStatefulFormatter(); f != nil && !headerFormatters.has(f.TypedConfig) {
			r.wrong("stateful_formatter is none that Envoy has", "set envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig")
		}
	case *injectorv3.CredentialInjector:
		if !credentials.has(one.GetCredential().GetTypedConfig()) {
			r.wrong("credential is none that Envoy has", "set envoy.extensions.http.injected_credentials.generic.v3.Generic")
		}
	case *tlsv3.CommonTlsContext:
		r.tls(one)
	case *tlsv3.UpstreamTlsContext:
		if one.AutoSniSanValidation && one.GetCommonTlsContext().GetValidationContextType() == nil {
			r.wrong("auto_sni_san_validation has no validation_context", "set common_tls_context.validation_context")
		}
	}
	if deeper {
		each(m, func(m protoreflect.Message) bool { r.walk(m); return true })
	}
}

// each calls do for each message that is a direct part of m, until it returns false.
func each(m protoreflect.Message, do func(protoreflect.Message) bool) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) (more bool) {
		more = true
		switch {
		case f.IsMap():
			if f.MapValue().Message() != nil {
				v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool { more = do(v.Message()); return more })
			}
		case f.Message() == nil:
		case f.IsList():
			for n := 0; more && n < v.List().Len(); n++ {
				more = do(v.List().Get(n).Message())
			}
		default:
			more = do(v.Message())
		}
		return more
	})
}

// longest is the greatest number of seconds that Envoy can count: 2^63 ns.
const longest = 9223372035

func (r *refuser) span(d *durationpb.Duration) {
	switch {
	case d.Seconds < 0 || d.Nanos < 0:
		r.wrong(fmt.Sprintf("a time span of %ds is negative", d.Seconds), "write one from 0s")
	case d.Seconds > longest:
		r.wrong(fmt.Sprintf("a time span of %ds is too long", d.Seconds), fmt.Sprintf("write one up to %ds", int64(longest)))
	}
}

// balancer looks at the first policy that Envoy knows: it takes that one, and does not look at the others.
func (r *refuser) balancer(p *clusterv3.LoadBalancingPolicy) {
	for _, one := range p.GetPolicies() {
		packed := one.GetTypedExtensionConfig().GetTypedConfig()
		if !balancers.has(packed) {
			continue
		}
		inner, err := packed.UnmarshalNew()
		if err != nil {
			return
		}
		switch b := inner.(type) {
		case *ringv3.RingHash:
			r.ring(orOf(b.MinimumRingSize.GetValue(), b.MinimumRingSize != nil, 1024), orOf(b.MaximumRingSize.GetValue(), b.MaximumRingSize != nil, 8388608))
		case *maglevv3.Maglev:
			if b.TableSize != nil {
				r.table(b.TableSize.Value)
			}
		case *subsetv3.Subset:
			for _, s := range b.SubsetSelectors {
				r.selector(s.Keys, s.FallbackPolicy == subsetv3.Subset_LbSubsetSelector_KEYS_SUBSET, s.FallbackKeysSubset)
			}
			r.balancer(b.SubsetLbPolicy)
		case *weightedv3.ClientSideWeightedRoundRobin:
			each(b.ProtoReflect(), func(m protoreflect.Message) bool { r.walk(m); return true })
			return
		case *localityv3.WrrLocality:
			if !picks(b.EndpointPickingPolicy) {
				r.wrong("wrr_locality has another endpoint_picking_policy than client_side_weighted_round_robin, or none", "set that one")
			}
			return
		case *overridev3.OverrideHost:
			r.balancer(b.FallbackPolicy)
		}
		return
	}
	r.wrong("load_balancing_policy has no policy that Envoy knows", "name one by its type, such as envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin")
}

// picks reports whether the first policy that Envoy knows is the one that wrr_locality takes.
func picks(p *clusterv3.LoadBalancingPolicy) bool {
	for _, one := range p.GetPolicies() {
		if packed := one.GetTypedExtensionConfig().GetTypedConfig(); balancers.has(packed) {
			return kindsOf(&weightedv3.ClientSideWeightedRoundRobin{}).has(packed)
		}
	}
	return false
}

// matcher looks at the actions of transport_socket_matcher.
func (r *refuser) matcher() {
	var look func(m protoreflect.Message)
	look = func(m protoreflect.Message) {
		if m.Descriptor().FullName() == "xds.type.matcher.v3.Matcher.OnMatch" {
			if f := m.Descriptor().Fields().ByName("action"); m.Has(f) {
				action := m.Get(f).Message()
				packed, _ := action.Get(action.Descriptor().Fields().ByName("typed_config")).Message().Interface().(*anypb.Any)
				if !socketActions.has(packed) {
					r.wrong("an action of transport_socket_matcher names no transport socket", "write envoy.extensions.matching.common_inputs.transport_socket.v3.TransportSocketNameAction")
				}
				return
			}
		}
		each(m, func(m protoreflect.Message) bool { look(m); return true })
	}
	if m := r.cluster.TransportSocketMatcher; m != nil {
		look(m.ProtoReflect())
	}
}

// http are the cluster's options of HTTP; nil if it has none.
func (r *refuser) http() *httpv3.HttpProtocolOptions {
	packed := r.cluster.TypedExtensionProtocolOptions[httpOptions]
	o := &httpv3.HttpProtocolOptions{}
	if packed == nil || packed.UnmarshalTo(o) != nil {
		return nil
	}
	return o
}

func orOf[T any](v T, is bool, otherwise T) T {
	if is {
		return v
	}
	return otherwise
}
