package admission

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

// fakeCredentials are those of a server whose handshakes end as they say.
type fakeCredentials struct {
	credentials.TransportCredentials
	err error
}

func (f fakeCredentials) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return raw, nil, f.err
}

func (f fakeCredentials) Clone() credentials.TransportCredentials { return f }

func TestFailedHandshakesAreCountedUnlessTheClientOnlyLooked(t *testing.T) {
	for _, c := range []struct {
		err  error
		want uint64
	}{
		{errors.New("no certificate"), 1},
		{io.EOF, 0},
	} {
		w := newWorld(t)
		conn, info, err := w.Credentials(fakeCredentials{err: c.err}).Clone().ServerHandshake(w.connects("10.0.0.1"))
		if conn != nil || info != nil || !errors.Is(err, c.err) {
			t.Errorf("%v %v %v", conn, info, err)
		}
		if n := w.met(LimitHandshake); n != c.want {
			t.Errorf("%v is counted %d times", c.err, n)
		}
	}
}

func TestAClosedConnectionOfACertificateThatEndsIsCounted(t *testing.T) {
	w := newWorld(t)
	w.CertificateEnds(at("10.0.0.1"), errors.New("expired"))
	for _, met := range w.refusals.All() {
		if met.Limit == LimitCertificate && (met.Count != 1 || met.From != "10.0.0.1:1" || met.Detail != "expired" || !strings.Contains(met.Remedy, "--tls-client-ca")) {
			t.Errorf("%+v", met)
		}
	}
}

// goAway is how gRPC tells a client that it pings too often (RFC 9113, section 6.8).
const goAway = "\x00\x00\x16\x07\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x0b" + tooManyPings

func TestWhoPingsTooOftenIsCounted(t *testing.T) {
	for name, c := range map[string]struct {
		written string
		want    uint64
	}{
		"alone":                   {goAway, 1},
		"after other frames":      {"some other frames, which are longer" + goAway, 1},
		"the end of a split one":  {tooManyPings, 1},
		"data that ends like it":  {"a resource's name of some length ends with " + tooManyPings, 0},
		"it is not the last":      {goAway + "more", 0},
		"just as long, not that":  {strings.Repeat("x", len(goAway)), 0},
		"its header, other words": {goAway[:len(goAway)-len(tooManyPings)] + "enhance_calm", 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			client, server := net.Pipe()
			defer client.Close()
			go func() { _, _ = io.Copy(io.Discard, client) }()
			conn, _, err := w.Credentials(fakeCredentials{}).ServerHandshake(pipe{server, at("10.0.0.1")})
			if err != nil {
				t.Fatal(err)
			}
			if n, err := conn.Write([]byte(c.written)); n != len(c.written) || err != nil {
				t.Errorf("%d bytes are written: %v", n, err)
			}
			if n := w.met(LimitPings); n != c.want {
				t.Errorf("counted %d times", n)
			}
		})
	}
}

// Pings are gRPC's own to judge; other frames with nothing in them are counted.
func TestOverGRPCPingsAreNoEmptyFrames(t *testing.T) {
	const preface, settings, ping = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x00\x00\x00\x04\x00\x00\x00\x00\x00", "\x00\x00\x08\x06\x00\x00\x00\x00\x0012345678"
	for frame, want := range map[string]uint64{settings: 1, ping: 0} {
		w := newWorld(t, func(l *Limits) { l.EmptyFrames = 1 })
		client, server := net.Pipe()
		conn, _, err := w.Credentials(fakeCredentials{}).ServerHandshake(pipe{server, at("10.0.0.1")})
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			_, _ = client.Write([]byte(preface + strings.Repeat(frame, 50)))
			_ = client.Close()
		}()
		_, _ = io.Copy(io.Discard, conn)
		if n := w.met(LimitEmptyFrames); n != want {
			t.Errorf("frames of type %d are counted %d times, want %d", frame[3], n, want)
		}
	}
}

func TestAPeerIsItsAddressAndTheNameInItsCertificate(t *testing.T) {
	uri, err := url.Parse("spiffe://example/edge")
	if err != nil {
		t.Fatal(err)
	}
	subject := pkix.Name{CommonName: "edge"}
	verified := func(c *x509.Certificate) credentials.AuthInfo {
		return credentials.TLSInfo{State: tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{c}}}}
	}
	for name, c := range map[string]struct {
		info credentials.AuthInfo
		want string
	}{
		"a URI":               {verified(&x509.Certificate{URIs: []*url.URL{uri}, DNSNames: []string{"edge.example"}, Subject: subject}), "spiffe://example/edge"},
		"a DNS name":          {verified(&x509.Certificate{DNSNames: []string{"edge.example"}, Subject: subject}), "edge.example"},
		"a subject":           {verified(&x509.Certificate{Subject: subject}), "CN=edge"},
		"none that is proven": {credentials.TLSInfo{State: tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Subject: subject}}}}, ""},
		"no TLS":              {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := PeerOf(peer.NewContext(t.Context(), &peer.Peer{Addr: at("10.0.0.1"), AuthInfo: c.info}))
			if want := (Peer{HostPort: "10.0.0.1:1", Address: "10.0.0.1", Identity: c.want}); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		})
	}
	if got := PeerOf(t.Context()); got != (Peer{}) {
		t.Errorf("%+v of nobody", got)
	}
}
