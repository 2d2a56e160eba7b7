package chaos_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"github.com/hashicorp/consul/api"

	"legate/internal/grafanatest/live"
	"legate/internal/xdstest"
	"legate/translate"
)

// act is what goes wrong at the same time, and what may fire beside the alerts of that, with good reason.
type act struct {
	faults []alertFault
	also   []string
}

// alertFault is a fault, and the alert that must fire in it.
type alertFault struct {
	alert string
	how   string
	begin func(t *testing.T, h *hour) (end func())
}

func (a act) alerts() (names []string) {
	for _, f := range a.faults {
		names = append(names, f.alert)
	}
	return names
}

func acts() []act {
	return []act{
		{faults: []alertFault{
			{"LegateClientRejects", "two clients reject a cluster", func(t *testing.T, h *hour) func() {
				return h.critics(t, func(cluster string) bool { return cluster == disputed }, disputed)
			}},
			{"LegateQuarantines", "they are at two addresses, and no other client asks for it", nothingMore},
			{"LegateNamesInVain", "a client asks for endpoints of a service that Consul does not have", func(t *testing.T, h *hour) func() {
				c := xdstest.Open(t, h.dial(t, "127.0.0.1"), xdstest.Delta, "misspelt")
				c.Want(translate.AssignmentType, "shpo")
				c.Ack(c.Read())
				return c.Close
			}},
			{"LegateClientStale", "a client reads, and acknowledges nothing", func(t *testing.T, h *hour) func() {
				c := xdstest.Open(t, h.dial(t, "127.0.0.1"), xdstest.Delta, "silent")
				c.Want(translate.AssignmentType, "shop")
				c.Read()
				return c.Close
			}},
			{"LegateClientsWithoutEndpoints", "a client takes clusters over CDS and never asks for endpoints", func(t *testing.T, h *hour) func() {
				c := xdstest.OpenMethod(t, h.dial(t, "127.0.0.1"), xdstest.Delta, "/envoy.service.cluster.v3.ClusterDiscoveryService/DeltaClusters",
					&corev3.Node{Id: "unled", UserAgentName: "envoy"})
				c.Want(translate.ClusterType, "shop")
				c.Ack(c.Read())
				return c.Close
			}},
		}},
		{faults: []alertFault{
			{"LegateCertificateEnds", "the certificate is replaced by one that ends within an hour", func(t *testing.T, h *hour) func() {
				h.authority.issue(t, time.Now().Add(time.Hour))
				return func() { h.authority.issue(t, time.Now().Add(24*time.Hour)) }
			}},
			{"LegateConfigRejected", "the configuration file gets a wrong value", func(t *testing.T, h *hour) func() {
				h.write(t, h.config, wrongHour)
				return func() { h.write(t, h.config, goodHour) }
			}},
			{"LegateLeavesOut", "an instance is registered with port 0", func(t *testing.T, h *hour) func() {
				must(t, h.register("shop", "shop-odd", 0, api.HealthPassing))
				return func() { must(t, h.deregister("shop-odd")) }
			}},
			{"LegateHostNamesStale", "DNS is silent", func(t *testing.T, h *hour) func() {
				h.dns.Silence(true)
				return func() { h.dns.Silence(false) }
			}},
			{"LegateKeepsNothing", "where the folder of the last known catalog was there is a file", func(t *testing.T, h *hour) func() {
				must(t, os.Rename(h.state, h.state+".away"))
				h.write(t, h.state, "")
				return func() {
					must(t, os.Remove(h.state))
					must(t, os.Rename(h.state+".away", h.state))
				}
			}},
		}},
		{faults: []alertFault{
			{"LegateConsulQueriesFail", "the policy of Legate's token allows one service of all", func(t *testing.T, h *hour) func() {
				h.rights.setPolicy(t, readShop)
				return func() { h.rights.setPolicy(t, readAll) }
			}},
			{"LegateHolds", "so it hides the config entries of the others", nothingMore},
		}},
		{faults: []alertFault{
			{"LegateConsulAway", "Consul is killed", func(t *testing.T, h *hour) func() {
				must(t, h.consul.Kill())
				return func() { must(t, h.consul.Start(t.Context())) }
			}},
		}},
		{faults: []alertFault{
			{"LegateDatacenterNotHeard", "Legate is started with a datacenter to follow, to which there is no path", func(t *testing.T, h *hour) func() {
				usual := h.legate.Args
				h.restart(t, append(slices.Clone(usual), "--datacenters", "dc9"))
				return func() { h.restart(t, usual) }
			}},
		}, also: []string{"LegateRestarts"}},
		{faults: []alertFault{
			{"LegateNotRegistered", "Legate is to register itself, and its token may only read", func(t *testing.T, h *hour) func() {
				usual := h.legate.Args
				h.restart(t, append(slices.Clone(usual), "--register"))
				return func() { h.restart(t, usual) }
			}},
		}, also: []string{"LegateRestarts"}},
		{faults: []alertFault{
			{"LegateHoldsDatacenter", "most instances are deregistered at once, with their node", func(t *testing.T, h *hour) func() {
				must(t, h.leave())
				return func() { h.arrive(t) }
			}},
		}},
		{faults: []alertFault{
			{"LegateMassCritical", "most instances turn critical at once, with their node", func(t *testing.T, h *hour) func() {
				must(t, h.health(api.HealthCritical))
				return func() { must(t, h.health(api.HealthPassing)) }
			}},
		}},
		{faults: []alertFault{
			{"LegateNoStreams", "all clients disconnect", func(t *testing.T, h *hour) func() {
				h.disconnect()
				return h.connect
			}},
		}},
		{faults: []alertFault{
			{"LegateSlow", "a client reads changes of a large service only every few seconds", slowly},
		}},
		{faults: []alertFault{
			{"LegatePolicyWaits", "a new policy reaches clients that reject every cluster that it changes", func(t *testing.T, h *hour) func() {
				names, changed := []string{}, make(chan struct{})
				for i := range singles {
					names = append(names, single(i))
				}
				end := h.critics(t, func(string) bool {
					select {
					case <-changed:
						return true
					default:
						return false
					}
				}, names...)
				wait(t.Context(), time.Second)
				close(changed)
				h.write(t, h.policy, "defaults: {connect_timeout: 7s}\n")
				return func() {
					end()
					h.write(t, h.policy, goodPolicy)
				}
			}},
		}, also: []string{"LegateClientRejects", "LegateQuarantines"}},
		{faults: []alertFault{
			{"LegateDown", "Legate is stopped", func(t *testing.T, h *hour) func() {
				must(t, h.legate.Stop(30*time.Second))
				return func() {
					h.launch(t)
					must(t, h.legate.AwaitReady(t.Context(), time.Minute))
				}
			}},
		}},
		{faults: []alertFault{
			{"LegateServesStale", "Consul is killed, and Legate restarted", func(t *testing.T, h *hour) func() {
				must(t, h.consul.Kill())
				must(t, h.legate.Stop(30*time.Second))
				h.launch(t)
				return func() { must(t, h.consul.Start(t.Context())) }
			}},
		}, also: []string{"LegateRestarts"}},
		{faults: []alertFault{
			{"LegateNotReady", "Consul is killed, and Legate restarted without what it kept on disk", func(t *testing.T, h *hour) func() {
				must(t, h.consul.Kill())
				must(t, h.legate.Stop(30*time.Second))
				must(t, os.RemoveAll(h.state))
				h.launch(t)
				return func() { must(t, h.consul.Start(t.Context())) }
			}},
		}, also: []string{"LegateRestarts", "LegateNoStreams"}},
		{faults: []alertFault{
			{"LegateRestarts", "Legate is killed and started three times", func(t *testing.T, h *hour) func() {
				for range 3 {
					must(t, h.legate.Kill())
					h.launch(t)
					must(t, h.legate.AwaitReady(t.Context(), time.Minute))
				}
				return func() {}
			}},
		}},
	}
}

// nothingMore is for what another fault of the act brings about.
func nothingMore(*testing.T, *hour) func() { return func() {} }

// slowly has a client that does not read. What is on its way to it fills its window, and the next change waits.
func slowly(t *testing.T, h *hour) (end func()) {
	const service, node, of, atOnce = "fat", "outside-3", 700, 50
	for i := 0; i < of; i += atOnce {
		ops := api.TxnOps{{Node: &api.NodeTxnOp{Verb: api.NodeSet, Node: api.Node{Node: node, Address: "127.0.0.1"}}}}
		for j := range atOnce {
			ops = append(ops, &api.TxnOp{Service: &api.ServiceTxnOp{Verb: api.ServiceSet, Node: node, Service: api.AgentService{
				ID: fmt.Sprintf("%s-%d", service, i+j), Service: service, Address: "127.0.0.1", Port: 20_000 + i + j,
			}}})
		}
		ok, said, _, err := h.consul.Client().Txn().Txn(ops, nil)
		if must(t, err); !ok {
			t.Fatalf("register %s: %v", service, said.Errors)
		}
	}
	hangUp := h.sluggish(t, service, 4*time.Second)
	ctx, cancel := context.WithCancel(t.Context())
	var changes sync.WaitGroup
	changes.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			_ = h.registerAt(node, service, service+"-0", "127.0.0.1", 20_000+n%2*of, api.HealthPassing)
			wait(ctx, live.Minute/8)
		}
	})
	return func() {
		cancel()
		changes.Wait()
		hangUp() // the service stays: its loss would be one of most of the datacenter
	}
}
