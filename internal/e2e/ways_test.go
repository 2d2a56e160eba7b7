package e2e_test

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"testing"

	"go.yaml.in/yaml/v3"

	"legate/translate"
)

// way is one of the ways in which an Envoy can use Legate.
type way struct {
	name string
	mode string   // --mode of "legate bootstrap envoy"
	args []string // further ones of it
	edit func(bootstrap map[string]any, l *legate)
	cds  bool // clusters follow Consul's services; otherwise they are static
}

var (
	adsDelta = way{name: "delta ADS", mode: "delta", cds: true}
	adsSotW  = way{name: "SotW ADS", mode: "sotw", cds: true}
	edsREST  = way{name: "EDS over REST", mode: "rest"}

	// Services of their own instead of ADS: an Envoy may use CDS without EDS and vice versa.
	cdsDelta = way{name: "CDS alone, delta", mode: "delta", edit: clustersOver("DELTA_GRPC"), cds: true}
	cdsSotW  = way{name: "CDS alone, SotW", mode: "sotw", edit: clustersOver("GRPC"), cds: true}
	cdsREST  = way{name: "CDS over REST", mode: "delta", edit: clustersOver("REST"), cds: true}
	edsDelta = way{name: "EDS alone, delta", mode: "rest", edit: endpointsOver(grpcSource("DELTA_GRPC"))}
	edsSotW  = way{name: "EDS alone, SotW", mode: "rest", edit: endpointsOver(grpcSource("GRPC"))}

	// As in a migration: static clusters, with endpoints over ADS.
	staticDelta = way{name: "static clusters, delta ADS", mode: "rest", edit: endpointsOverADS("DELTA_GRPC")}
	staticSotW  = way{name: "static clusters, SotW ADS", mode: "rest", edit: endpointsOverADS("GRPC")}
)

func allWays() []way {
	return []way{adsDelta, adsSotW, cdsDelta, cdsSotW, cdsREST, edsDelta, edsSotW, edsREST, staticDelta, staticSotW}
}

// bootstrap returns the output of "legate bootstrap envoy", with the edits of the way.
func (w way) bootstrap(t testing.TB, l *legate, ports map[string]int) []byte {
	t.Helper()
	xds := l.XDS
	if w.mode == "rest" && w.edit == nil {
		xds = l.rest
	}
	args := []string{"bootstrap", "envoy", "--mode", w.mode, "--node-id", w.name, "--xds-address", xds}
	args = append(args, w.args...)
	for _, service := range slices.Sorted(maps.Keys(ports)) {
		args = append(args, "--route", fmt.Sprintf("%d=%s", ports[service], service))
	}
	text := program.Output(t, args...)
	if w.edit == nil {
		return text
	}
	var b map[string]any
	if err := yaml.Unmarshal(text, &b); err != nil {
		t.Fatal(err)
	}
	w.edit(b, l)
	text, err := yaml.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

type object = map[string]any

// clustersOver makes Envoy use the cluster discovery service instead of ADS.
func clustersOver(apiType string) func(object, *legate) {
	return func(b object, l *legate) {
		source := grpcSource(apiType)
		if apiType == "REST" {
			source = object{
				"api_type": "REST", "transport_api_version": "V3", "cluster_names": []any{"legate-rest"},
				"refresh_delay": "0.5s", "request_timeout": "5s",
			}
			static := b["static_resources"].(object)
			static["clusters"] = append(static["clusters"].([]any), plainCluster("legate-rest", l.rest))
		}
		b["dynamic_resources"].(object)["cds_config"] = object{"resource_api_version": "V3", "api_config_source": source}
	}
}

// endpointsOver makes the static clusters get their endpoints from this source.
func endpointsOver(source object) func(object, *legate) {
	return func(b object, _ *legate) {
		eachStaticCluster(b, object{"resource_api_version": "V3", "api_config_source": source})
	}
}

// endpointsOverADS makes the static clusters get their endpoints over ADS.
func endpointsOverADS(apiType string) func(object, *legate) {
	return func(b object, _ *legate) {
		b["dynamic_resources"] = object{"ads_config": grpcSource(apiType)}
		eachStaticCluster(b, object{"resource_api_version": "V3", "ads": object{}})
	}
}

func grpcSource(apiType string) object {
	return object{
		"api_type": apiType, "transport_api_version": "V3",
		"grpc_services": []any{object{"envoy_grpc": object{"cluster_name": translate.OwnCluster}}},
	}
}

func eachStaticCluster(b, source object) {
	for _, c := range b["static_resources"].(object)["clusters"].([]any) {
		if eds, ok := c.(object)["eds_cluster_config"].(object); ok {
			eds["eds_config"] = source
		}
	}
}

func plainCluster(name, addr string) object {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		panic(err) // the port was picked by this test
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		panic(err)
	}
	address := object{"socket_address": object{"address": host, "port_value": n}}
	return object{
		"name": name, "type": "STATIC", "connect_timeout": "1s",
		"load_assignment": object{"cluster_name": name, "endpoints": []any{
			object{"lb_endpoints": []any{object{"endpoint": object{"address": address}}}},
		}},
	}
}
