package listen

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// listener is a TLS listener that sends one byte on each connection.
type listener struct {
	t    *testing.T
	at   string
	log  *bytes.Buffer
	made *Credentials
	now  time.Time
}

func newListener(t *testing.T, settings TLS) *listener {
	t.Helper()
	l := &listener{t: t, log: &bytes.Buffer{}, now: time.Now()}
	var err error
	if l.made, err = NewCredentials(settings, "--tls", slog.New(slog.NewTextHandler(l.log, nil))); err != nil {
		t.Fatal(err)
	}
	l.made.now = func() time.Time { l.now = l.now.Add(2 * time.Second); return l.now }
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	outer := tls.NewListener(inner, l.made.Config())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := outer.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("x"))
			conn.Close()
		}
	}()
	t.Cleanup(func() { outer.Close(); <-done })
	l.at = inner.Addr().String()
	return l
}

// dial completes a handshake as a client and returns the server's certificate.
func (l *listener) dial(client *tls.Config) (*x509.Certificate, error) {
	l.t.Helper()
	conn, err := (&tls.Dialer{Config: client}).DialContext(context.Background(), "tcp", l.at)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if _, err := conn.Read(make([]byte, 1)); err != nil { // a TLS 1.3 client learns here that it was rejected
		return nil, err
	}
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0], nil
}

func TestOnlyClientsOfTheAuthorityWithAnAllowedNameGetIn(t *testing.T) {
	a := newAuthority(t)
	l := newListener(t, TLS{
		CertFile: a.issue("server", "localhost").cert, KeyFile: a.path("server.key"), ClientCAFile: a.path("ca.pem"),
		AllowedSANs: []string{"spiffe://example.org/envoy/**", "edge-?.internal"},
	})
	for _, c := range []struct {
		names []string
		in    bool
	}{
		{[]string{"spiffe://example.org/envoy/web/1"}, true},
		{[]string{"edge-1.internal"}, true},
		{[]string{"other", "edge-2.internal"}, true},
		{[]string{"spiffe://example.org/other/1"}, false},
		{[]string{"edge-12.internal"}, false},
		{[]string{"x.edge-1.internal"}, false},
	} {
		if _, err := l.dial(a.client(a.issue("client", c.names...))); (err == nil) != c.in {
			t.Errorf("%v: %v", c.names, err)
		}
	}
	if _, err := l.dial(a.client(pair{})); err == nil {
		t.Error("a client without a certificate got in")
	}
	stranger := newAuthority(t).issue("client", "edge-1.internal")
	if _, err := l.dial(a.client(stranger)); err == nil {
		t.Error("a client of another authority got in")
	}
	old := a.client(a.issue("client", "edge-1.internal"))
	old.MinVersion, old.MaxVersion = tls.VersionTLS11, tls.VersionTLS11
	if _, err := l.dial(old); err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("TLS 1.1: %v", err)
	}
}

func TestFilesThatChangeAreReadAgainAndBadOnesLeaveTheLastGood(t *testing.T) {
	a := newAuthority(t)
	made := a.issue("server", "localhost", "first")
	l := newListener(t, TLS{CertFile: made.cert, KeyFile: made.key})
	serves := func(name string) {
		t.Helper()
		cert, err := l.dial(a.client(pair{}))
		if err != nil || cert.DNSNames[1] != name {
			t.Fatalf("want the certificate of %s: %v %v\n%s", name, cert, err, l.log)
		}
	}
	serves("first")
	a.issue("server", "localhost", "second")
	serves("second")

	good, err := os.ReadFile(made.key)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range [][]byte{nil, good[:len(good)/2], []byte("nonsense")} {
		if err := os.WriteFile(made.key, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		serves("second")
		serves("second")
	}
	if err := os.Remove(made.key); err != nil {
		t.Fatal(err)
	}
	serves("second")
	if n := strings.Count(l.log.String(), "unusable"); n == 0 || n > 4 {
		t.Errorf("%d warnings:\n%s", n, l.log)
	}
	a.issueAs("server", time.Now().Add(-time.Minute), "localhost", "expired")
	serves("second")
	a.issue("server", "localhost", "third")
	serves("third")
}

func TestWhatIsWrongWithTheFilesIsSaidWithItsRemedyAndWithoutTheirContent(t *testing.T) {
	a := newAuthority(t)
	one, two := a.issue("one", "localhost"), a.issue("two", "localhost")
	a.issueAs("old", time.Now().Add(-time.Minute), "localhost")
	secret := a.path("secret")
	if err := os.WriteFile(secret, []byte("s3cret-canary"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		settings TLS
		want     string
	}{
		{"missing", TLS{CertFile: "/no/such", KeyFile: one.key}, `read "/no/such": no such file or directory: give the path`},
		{"not a pair", TLS{CertFile: one.cert, KeyFile: two.key}, "the key that belongs to it"},
		{"no key", TLS{CertFile: one.cert, KeyFile: secret}, "the key that belongs to it"},
		{"no authority", TLS{CertFile: one.cert, KeyFile: one.key, ClientCAFile: secret}, "no certificate in it"},
		{"expired", TLS{CertFile: a.path("old.pem"), KeyFile: a.path("old.key")}, "put a new one in its place"},
	} {
		_, err := NewCredentials(c.settings, "--tls", slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for _, c := range []struct {
		settings TLS
		want     string
	}{
		{TLS{CertFile: "x"}, "give both --tls-cert and --tls-key"},
		{TLS{ClientCAFile: "x"}, "give both --tls-cert and --tls-key"},
		{TLS{CertFile: "x", KeyFile: "x", AllowedSANs: []string{"a"}}, "with --tls-client-ca"},
		{TLS{CertFile: "x", KeyFile: "x", ClientCAFile: "x", AllowedSANs: []string{" "}}, "would match nothing"},
	} {
		if err := c.settings.Validate("--tls"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c.settings, err)
		}
	}
	if err := (TLS{}).Validate("--tls"); err != nil {
		t.Error(err)
	}
}

func TestACertificateNearItsEndIsATroubleAndSoAreFilesThatCannotBeUsed(t *testing.T) {
	a := newAuthority(t)
	now := time.Now()
	made := a.issueAs("server", now.Add(30*24*time.Hour), "localhost")
	c, err := NewCredentials(TLS{CertFile: made.cert, KeyFile: made.key}, "--tls", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	c.now = func() time.Time { now = now.Add(2 * time.Second); return now }
	says := func(want string) {
		t.Helper()
		if said := c.Trouble(); want == "" && said != "" || !strings.Contains(said, want) {
			t.Errorf("it says %q, want %q", said, want)
		}
	}
	says("")
	now = now.Add(27*24*time.Hour - time.Hour)
	says("")
	now = now.Add(2 * time.Hour)
	says(`server.pem": it ends at `)
	if err := os.WriteFile(made.key, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	says("its files are unusable, and the last good ones are shown until")
	a.issueAs("server", now.Add(30*24*time.Hour), "localhost")
	says("")
	a.issueAs("server", now.Add(20*time.Minute), "localhost") // this authority backdates certificates
	says("it ends at ")
	if said := (*Credentials)(nil).Trouble(); said != "" {
		t.Errorf("without TLS: %s", said)
	}
}

func TestASocketIsForItsUserOnly(t *testing.T) {
	dir, err := os.MkdirTemp("", "lg-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "admin.sock")
	l, err := Socket(path, Access{})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if conn, err := net.Dial("unix", path); err != nil {
		t.Error(err)
	} else {
		conn.Close()
	}
	if _, err := Socket(path, Access{}); err == nil || !strings.Contains(err.Error(), "answers there") {
		t.Errorf("a socket in use was taken away: %v", err)
	}
	// A killed Legate leaves its socket behind.
	l.(*socket).UnixListener.Close()
	if l, err = Socket(path, Access{}); err != nil {
		t.Fatalf("a dead socket is in the way: %v", err)
	}
	l.Close()
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Socket(path, Access{}); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("a file was replaced: %v", err)
	}
}

func TestASocketIsForThoseWhoThatIsSaidOf(t *testing.T) {
	dir, err := os.MkdirTemp("", "lg-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	group := os.Getgid() // a group that this user may set
	if os.Geteuid() == 0 {
		group = 12345
	}
	path := filepath.Join(dir, "xds.sock")
	l, err := Socket(path, Access{Mode: 0o660, Group: strconv.Itoa(group)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o660 || info.Sys().(*syscall.Stat_t).Gid != uint32(group) {
		t.Errorf("%+v %v", info, err)
	}
	if err := (Access{Group: "no-such-group"}).Validate("--xds-socket"); err == nil || !strings.Contains(err.Error(), "--xds-socket-group") || !strings.Contains(err.Error(), "groupadd no-such-group") {
		t.Errorf("%v", err)
	}
	if os.Geteuid() == 0 {
		return // root may do everything
	}
	if _, err := Socket(filepath.Join(dir, "other"), Access{Group: "0"}); err == nil || !strings.Contains(err.Error(), "must be in that group") {
		t.Errorf("%v", err)
	}
}
