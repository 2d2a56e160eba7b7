package xdsserver

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	guard "legate/internal/listen"
	"legate/internal/xdstest"
	"legate/translate"
	"legate/xdsserver/admission"
)

// The stream of a client whose authority is removed ends. That of another goes on.
func TestTheStreamOfAClientWhoseAuthorityIsRemovedEnds(t *testing.T) {
	t.Parallel()
	old, renewed, dir := newTestAuthority(t), newTestAuthority(t), t.TempDir()
	write := func(name string, blocks ...*pem.Block) string {
		t.Helper()
		path := filepath.Join(dir, name)
		var text []byte
		for _, b := range blocks {
			text = append(text, pem.EncodeToMemory(b)...)
		}
		if err := os.WriteFile(path+".new", text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ca := func(a *testAuthority) *pem.Block { return &pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw} }
	shown := renewed.issue(&x509.Certificate{DNSNames: []string{"localhost"}})
	key, err := x509.MarshalPKCS8PrivateKey(shown.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	creds, err := guard.NewCredentials(guard.TLS{
		CertFile: write("cert.pem", &pem.Block{Type: "CERTIFICATE", Bytes: shown.Certificate[0]}), KeyFile: write("key.pem", &pem.Block{Type: "PRIVATE KEY", Bytes: key}),
		ClientCAFile: write("ca.pem", ca(old), ca(renewed)), Recheck: 20 * time.Millisecond,
	}, "--tls", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	config := DefaultConfig()
	config.TLS, config.StopTimeout, config.Drain = creds.Config(), time.Second, Drain{}
	s, err := New(config, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	l := loopback(t)
	address := l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- s.Run(ctx, creds.Guard(l), nil) }()
	go func() { creds.Run(ctx, s.CertificateEnds); ended <- nil }()
	t.Cleanup(func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
	s.Publish(own, translate.Batch{Set: service("web", 1)})

	open := func(a *testAuthority) *xdstest.Client {
		client := a.client("spiffe://example.org/envoy")
		client.RootCAs = renewed.pool
		conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(credentials.NewTLS(client)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		c := xdstest.Open(t, conn, xdstest.Delta, "edge")
		c.Want(cds)
		c.Accept(cds, "web@1")
		return c
	}
	leaves, stays := open(old), open(renewed)
	leaves.Silence() // it is looked at many times
	write("ca.pem", ca(renewed))
	if err := leaves.Ended(); err == nil {
		t.Error("it ended well")
	}
	s.Publish(own, translate.Batch{Set: service("web", 2)})
	stays.Accept(cds, "web@2")
	for _, r := range s.Refused() {
		if r.Limit == admission.LimitCertificate && (r.Count != 1 || r.From == "") {
			t.Errorf("%+v", r)
		}
	}
}
