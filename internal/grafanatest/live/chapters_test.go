package live_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/internal/xdstest"
	"legate/translate"
)

// chapter is something that happens, and where a dashboard shows it.
type chapter struct {
	name string
	// begin makes it happen. What it returns ends it.
	begin func(t *testing.T, s *stage) (end func())
	signs []sign
	then  []sign // after its end
}

// sign is a series of a panel that reaches a value while something happens, and is lower before. Afterwards it is lower again,
// unless it stays.
type sign struct {
	panel, series string // series: as the legend calls it; *: any
	from          float64
	stays         bool
}

const some = 1e-9 // more than nothing

// lately is when, as a timestamp in milliseconds.
const lately = 1.7e12

func story() []chapter {
	return []chapter{
		{
			name: "Legate is away",
			begin: func(t *testing.T, s *stage) func() {
				must(t, s.consul.Kill())
				must(t, s.legate.Stop(10*time.Second))
				return func() { s.launch(t) }
			},
			signs: []sign{{panel: "Is Legate serving?", series: "*", from: 1}},
			then:  []sign{{panel: "Starts", series: "*", from: lately}},
		},
		{
			name: "it has started without Consul",
			begin: func(t *testing.T, s *stage) func() {
				return func() { must(t, s.consul.Start(t.Context())) }
			},
			signs: []sign{
				{panel: "Is the catalog trusted?", series: "from disk", from: 1, stays: true},
				{panel: "From disk, and mass critical", series: "from disk", from: 1, stays: true},
			},
		},
		{
			name: "a change",
			begin: func(t *testing.T, s *stage) func() {
				s.register(t, "shop", "shop-new", 10_099, api.HealthPassing)
				return func() { s.deregister(t, "shop-new") }
			},
			signs: []sign{
				{panel: "Queries by outcome", series: "changed", from: some, stays: true},
				{panel: "Snapshot changes", series: "*", from: some, stays: true},
				{panel: "Responses by type", series: "eds delta", from: some, stays: true},
				{panel: "From Consul's answer to the client", series: "99% answer_to_ack", from: some, stays: true},
				{panel: "How fast do changes arrive?", series: "", from: some, stays: true},
			},
		},
		{
			name: "an instance that Envoy cannot use",
			begin: func(t *testing.T, s *stage) func() {
				s.register(t, "shop", "shop-odd", 0, api.HealthPassing)
				return func() { s.deregister(t, "shop-odd") }
			},
			signs: []sign{
				{panel: "Is anything left out?", series: "", from: 1},
				{panel: "Left out, by reason", series: "port", from: 1},
			},
		},
		{
			name: "clients that Legate turns away",
			begin: func(t *testing.T, s *stage) func() {
				// One that expects no TLS, and one that takes Legate for somebody else.
				conn, err := net.Dial("tcp", s.legate.XDS)
				must(t, err)
				_, err = io.WriteString(conn, "GET / HTTP/1.1\r\n\r\n")
				must(t, errors.Join(err, conn.Close()))
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.legate.Admin+"/", nil)
				must(t, err)
				req.Host = "elsewhere.example"
				resp, err := http.DefaultClient.Do(req)
				must(t, err)
				must(t, resp.Body.Close())
				return func() {}
			},
			signs: []sign{
				{panel: "Clients that are refused", series: "handshake", from: some},
				{panel: "Clients that are refused", series: "admin_host", from: some},
			},
		},
		{
			name: "a client that rejects a cluster, and asks for one that does not exist",
			begin: func(t *testing.T, s *stage) func() {
				c := xdstest.Open(t, s.conn, xdstest.Delta, "stubborn")
				c.Want(translate.ClusterType, "*")
				for r := c.Read(); ; r = c.Read() {
					if r.Resources["shop"] == nil {
						c.Ack(r)
						continue
					}
					c.Nack(r, "no shop here")
					if len(r.Resources) == 1 {
						break
					}
				}
				c.Want(translate.AssignmentType, "nobody")
				c.Ack(c.Read())
				return c.Close
			},
			signs: []sign{
				{panel: "Does a client reject anything?", series: "*", from: 1},
				{panel: "Rejections", series: "standing cds", from: 1},
				{panel: "Rejections", series: "NACKs a minute cds", from: some},
				{panel: "Last rejection", series: "*", from: lately, stays: true},
				{panel: "What clients ask for in vain", series: "in vain, eds", from: 1},
			},
		},
		{
			name: "an outage of Consul, and a configuration that is wrong",
			begin: func(t *testing.T, s *stage) func() {
				must(t, s.consul.Kill())
				s.configure(t, "log: {level: loud}\n")
				return func() {
					s.configure(t, usual)
					must(t, s.consul.Start(t.Context()))
				}
			},
			signs: []sign{
				{panel: "Does Consul answer?", series: "*", from: 1},
				{panel: "Consul away", series: "*", from: 1},
				{panel: "Age of the last believed answer", series: "*", from: 6},
				{panel: "Queries by outcome", series: "unreachable", from: some},
				{panel: "Configuration", series: "run with an older one", from: 1},
				{panel: "Configuration", series: "rejected a minute", from: some},
				{panel: "Can Legate be restarted?", series: "rejected", from: 1},
				{panel: "Rejected reloads", series: "*", from: 1},
			},
			then: []sign{
				{panel: "Configuration", series: "ok a minute", from: some},
				{panel: "Reloads", series: "*", from: lately},
			},
		},
		{
			name: "most of the datacenter turns critical",
			begin: func(t *testing.T, s *stage) func() {
				s.each(func(service, id string, port int) { s.register(t, service, id, port, api.HealthCritical) })
				return func() {
					s.each(func(service, id string, port int) { s.register(t, service, id, port, api.HealthPassing) })
				}
			},
			signs: []sign{
				{panel: "Is the catalog trusted?", series: "mass critical", from: 1},
				{panel: "From disk, and mass critical", series: "mass critical", from: 1},
				{panel: "Instances by health", series: "critical", from: ofEach},
			},
		},
		{
			name: "a loss of most of the datacenter",
			begin: func(t *testing.T, s *stage) func() {
				s.each(func(service, id string, _ int) {
					if service != services[0] {
						s.deregister(t, id)
					}
				})
				return func() {
					s.each(func(service, id string, port int) { s.register(t, service, id, port, api.HealthPassing) })
				}
			},
			signs: []sign{
				{panel: "Is the catalog trusted?", series: "datacenter held", from: 1},
				{panel: "Losses held", series: "services and entries, datacenter", from: 1},
				{panel: "Losses held", series: "instances, datacenter", from: ofEach},
			},
			then: []sign{{panel: "Holds that ended", series: "returned", from: some}},
		},
	}
}
