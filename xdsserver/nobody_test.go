package xdsserver

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"legate/internal/xdstest"
)

// caller is a client: where it comes from, what its certificate calls it, and what it calls itself.
type caller struct{ address, identity, node string }

// fleetBehind are clients with node ids of their own behind one address, as behind a NAT.
func fleetBehind(address string, n int) (all []caller) {
	for i := range n {
		all = append(all, caller{address, "", fmt.Sprint("edge-", i)})
	}
	return all
}

// Nobody decides for others. Whoever rejects a change, whatever they call themselves, and whoever
// else is there: each client is offered what is new, and gets it if it takes it; who rejects it gets
// the last state that somebody accepted, also if it has just started, be it alone or one of many
// behind an address; and the other services are delivered to all of them.
func TestNobodyDecidesForOthersWhatTheyGet(t *testing.T) {
	const spiffe = "spiffe://example.org/envoy/"
	mallory := []caller{{"127.0.0.2", "", "made-up-1"}, {"127.0.0.2", "", "made-up-2"}}
	for _, c := range []struct {
		name   string
		reject []caller // take the first state, and reject the second before others have it
		accept []caller // take both
		fault  bool     // while nobody has accepted it, the resource is said to be at fault
	}{
		{name: "a single client, and it rejects", reject: fleetBehind("127.0.0.1", 1)},
		{name: "all of a fleet behind one address", reject: fleetBehind("127.0.0.1", 60)},
		{name: "all of a fleet on machines of their own", fault: true,
			reject: []caller{{"127.0.0.2", "", "a"}, {"127.0.0.3", "", "b"}, {"127.0.0.4", "", "c"}}},
		{name: "an odd one among good ones", reject: mallory[:1], accept: fleetBehind("127.0.0.1", 3)},
		{name: "two made-up nodes of a stranger", reject: mallory, accept: fleetBehind("127.0.0.1", 3)},
		{name: "two made-up nodes behind the address of the good ones", reject: mallory, accept: fleetBehind("127.0.0.2", 3)},
		{name: "two strangers with addresses of their own", fault: true,
			reject: []caller{{"127.0.0.2", "", "x"}, {"127.0.0.3", "", "x"}}, accept: fleetBehind("127.0.0.1", 3)},
		{name: "many made-up nodes and one good one behind one address", reject: fleetBehind("127.0.0.1", 59), accept: []caller{{"127.0.0.1", "", "good"}}},
		{name: "one certificate, two nodes, two addresses", reject: []caller{{"127.0.0.2", spiffe + "x", "1"}, {"127.0.0.3", spiffe + "x", "2"}},
			accept: []caller{{"127.0.0.1", spiffe + "good", "good"}}},
		{name: "two certificates behind one address", fault: true,
			reject: []caller{{"127.0.0.1", spiffe + "x", "n"}, {"127.0.0.1", spiffe + "y", "n"}}, accept: []caller{{"127.0.0.1", spiffe + "good", "n"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, p := range []xdstest.Protocol{xdstest.SotW, xdstest.Delta} {
				t.Run(string(p), func(t *testing.T) {
					t.Parallel()
					h := newHall(t, p, slices.Concat(c.reject, c.accept))
					h.stage.set(append(service("web", 1), service("db", 1)...)...)
					bad, good := h.follow(c.reject), h.follow(c.accept)
					h.stage.set(assignment("web", 2), assignment("db", 2))
					for _, b := range bad {
						b.rejectsWeb("db@2", "web@2")
					}
					h.objections(len(bad))
					var late []*xdstest.Response
					for _, g := range good {
						late = append(late, g.Expect(eds, "db@2", "web@2"))
					}
					h.atFault(c.fault)

					newcomer := h.open(slices.Concat(c.accept, c.reject)[0])
					newcomer.Want(eds, "web", "db")
					newcomer.rejectsWeb("db@2", "web@2")

					for i, g := range good {
						g.Ack(late[i])
					}
					if len(good) == 0 {
						for _, b := range append(bad, newcomer) {
							b.Close() // they leave, and with them what they said
						}
					}
					h.atFault(false)
					last := h.open(slices.Concat(c.accept, c.reject)[0])
					last.Want(eds, "web", "db")
					last.Accept(eds, "db@2", "web@2")
				})
			}
		})
	}
}

// guest is a client of the hall.
type guest struct{ *xdstest.Client }

// rejectsWeb is offered what is new, rejects what there is of web, and gets what it can use of the rest.
func (g guest) rejectsWeb(offered ...string) {
	g.Nack(g.Expect(eds, offered...), "web is bad")
	g.Accept(eds, offered[0])
	g.Nack(g.Expect(eds, offered[1]), "web is bad")
	g.Accept(eds, "web@1")
}

// hall is a server and its clients, each with an address and a certificate of its own.
type hall struct {
	t         *testing.T
	stage     *stage
	protocol  xdstest.Protocol
	authority *testAuthority // nil: in the clear
	lines     map[caller]*grpc.ClientConn
}

func newHall(t *testing.T, p xdstest.Protocol, callers []caller) *hall {
	h := &hall{t: t, protocol: p, lines: map[caller]*grpc.ClientConn{}}
	if slices.ContainsFunc(callers, func(c caller) bool { return c.identity != "" }) {
		h.authority = newTestAuthority(t)
	}
	h.stage = newStage(t, func(c *Config) {
		if h.authority != nil {
			c.TLS = h.authority.server()
		}
	})
	return h
}

func (h *hall) follow(callers []caller) (all []guest) {
	for _, c := range callers {
		g := h.open(c)
		g.Want(eds, "web", "db")
		g.Accept(eds, "db@1", "web@1")
		all = append(all, g)
	}
	return all
}

func (h *hall) open(c caller) guest {
	h.t.Helper()
	line := caller{c.address, c.identity, ""}
	if h.lines[line] == nil {
		creds := insecure.NewCredentials()
		if h.authority != nil {
			creds = credentials.NewTLS(h.authority.client(c.identity))
		}
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(c.address)}}
		conn, err := grpc.NewClient("passthrough:///"+h.stage.address, grpc.WithTransportCredentials(creds),
			grpc.WithContextDialer(func(ctx context.Context, to string) (net.Conn, error) { return dialer.DialContext(ctx, "tcp", to) }))
		if err != nil {
			h.t.Fatal(err)
		}
		h.t.Cleanup(func() { conn.Close() })
		h.lines[line] = conn
	}
	return guest{xdstest.Open(h.t, h.lines[line], h.protocol, c.node)}
}

// objections waits until so many streams object to something.
func (h *hall) objections(want int) {
	h.t.Helper()
	soon(h.t, fmt.Sprintf("%d streams object", want), func() bool { return len(h.stage.callbacks.objections()) == want })
}

// atFault waits until web is said to be at fault, or not.
func (h *hall) atFault(want bool) {
	h.t.Helper()
	soon(h.t, fmt.Sprintf("web is at fault: %t", want), func() bool {
		q := h.stage.Views()[0].Quarantined
		return want == (len(q) == 1 && q[0].Name == "web" && q[0].Version == "v2" && q[0].Serving == "v1" && q[0].Reason == "web is bad" && len(q[0].Clients) > 1) &&
			want == (len(q) > 0)
	})
}

// testAuthority signs certificates in memory.
type testAuthority struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pool *x509.CertPool
}

func newTestAuthority(t *testing.T) *testAuthority {
	t.Helper()
	a := &testAuthority{t: t, pool: x509.NewCertPool()}
	self := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, key := a.sign(self)
	var err error
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.key = key
	a.pool.AddCert(a.cert)
	return a
}

func (a *testAuthority) sign(c *x509.Certificate) ([]byte, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err != nil {
		a.t.Fatal(err)
	}
	return der, key
}

func (a *testAuthority) issue(c *x509.Certificate) tls.Certificate {
	c.SerialNumber, c.NotBefore, c.NotAfter = big.NewInt(2), a.cert.NotBefore, a.cert.NotAfter
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	der, key := a.sign(c)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (a *testAuthority) server() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{a.issue(&x509.Certificate{DNSNames: []string{"localhost"}})},
		ClientCAs: a.pool, ClientAuth: tls.RequireAndVerifyClientCert, NextProtos: []string{"h2"}}
}

func (a *testAuthority) client(identity string) *tls.Config {
	a.t.Helper()
	uri, err := url.Parse(identity)
	if err != nil {
		a.t.Fatal(err)
	}
	return &tls.Config{RootCAs: a.pool, ServerName: "localhost", Certificates: []tls.Certificate{a.issue(&x509.Certificate{URIs: []*url.URL{uri}})}}
}
