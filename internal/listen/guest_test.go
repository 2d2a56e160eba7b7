package listen

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// lobby is a guarded listener that keeps its connections open and records which clients were
// disconnected.
type lobby struct {
	*Credentials
	t  *testing.T
	at string

	mu   sync.Mutex
	ago  time.Duration // how far the clock is ahead
	told []string
}

func newLobby(t *testing.T, settings TLS) *lobby {
	t.Helper()
	l := &lobby{t: t}
	var err error
	if l.Credentials, err = NewCredentials(settings, "--tls", slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	l.now = func() time.Time {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.ago += time.Second
		return time.Now().Add(l.ago)
	}
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.at = inner.Addr().String()
	outer := tls.NewListener(l.Guard(inner), l.Config())
	var open sync.WaitGroup
	open.Go(func() {
		for {
			conn, err := outer.Accept()
			if err != nil {
				return
			}
			open.Go(func() {
				defer conn.Close()
				if _, err := conn.Write([]byte("x")); err == nil {
					_, _ = conn.Read(make([]byte, 1)) // until either side closes it
				}
			})
		}
	})
	t.Cleanup(func() { outer.Close(); open.Wait() })
	return l
}

// come connects a client that stays, if it is admitted.
func (l *lobby) come(client *tls.Config) (net.Conn, error) {
	l.t.Helper()
	conn, err := (&tls.Dialer{Config: client}).DialContext(context.Background(), "tcp", l.at)
	if err != nil {
		return nil, err
	}
	l.t.Cleanup(func() { conn.Close() })
	_, err = conn.Read(make([]byte, 1))
	return conn, err
}

func (l *lobby) look() {
	l.recheck(func(client net.Addr, why error) { l.told = append(l.told, client.String()+": "+why.Error()) })
}

func (l *lobby) count() int {
	l.Credentials.mu.Lock()
	defer l.Credentials.mu.Unlock()
	return len(l.guests)
}

// isOpen reports whether the server has kept the connection open.
func isOpen(t *testing.T, conn net.Conn) bool {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	_, err := conn.Read(make([]byte, 1))
	return os.IsTimeout(err)
}

func TestAClientWhoseCertificateExpiresIsSentAway(t *testing.T) {
	a := newAuthority(t)
	made := a.issue("server", "localhost")
	l := newLobby(t, TLS{CertFile: made.cert, KeyFile: made.key, ClientCAFile: a.path("ca.pem")})
	short := a.client(a.issueAs("short", time.Now().Add(20*time.Minute), "edge"))
	short.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	brief, err := l.come(short)
	if err != nil {
		t.Fatal(err)
	}
	long, err := l.come(a.client(a.issue("long", "edge")))
	if err != nil {
		t.Fatal(err)
	}
	l.look()
	if len(l.told) != 0 || !isOpen(t, brief) || !isOpen(t, long) {
		t.Fatalf("too early: %v", l.told)
	}
	l.ago += 21 * time.Minute
	l.look()
	if isOpen(t, brief) || !isOpen(t, long) || len(l.told) != 1 || !strings.HasPrefix(l.told[0], brief.LocalAddr().String()+": the client's certificate expired at ") {
		t.Errorf("%v", l.told)
	}
	if _, err := l.come(short); err == nil {
		t.Error("it resumed its session")
	}
	long.Close()
	for end := time.Now().Add(10 * time.Second); l.count() > 0 && time.Now().Before(end); time.Sleep(time.Millisecond) {
	}
	if n := l.count(); n != 0 {
		t.Errorf("%d are remembered that have gone", n)
	}
}

func TestAClientWhoseAuthorityIsRemovedIsSentAway(t *testing.T) {
	old, renewed := newAuthority(t), newAuthority(t)
	made := renewed.issue("server", "localhost")
	read := func(a *authority) string {
		text, err := os.ReadFile(a.path("ca.pem"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	trusted := renewed.path("trusted.pem")
	trust := func(text string) {
		t.Helper()
		if err := os.WriteFile(trusted+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(trusted+".new", trusted); err != nil {
			t.Fatal(err)
		}
	}
	trust(read(old) + read(renewed))
	l := newLobby(t, TLS{CertFile: made.cert, KeyFile: made.key, ClientCAFile: trusted})
	ofOld, ofRenewed := renewed.client(old.issue("client", "edge")), renewed.client(renewed.issue("client", "edge"))
	ofOld.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	leaves, err := l.come(ofOld)
	if err != nil {
		t.Fatal(err)
	}
	stays, err := l.come(ofRenewed)
	if err != nil {
		t.Fatal(err)
	}
	trust(read(renewed))
	l.look()
	if isOpen(t, leaves) || !isOpen(t, stays) || len(l.told) != 1 || !strings.Contains(l.told[0], "signed by unknown authority") {
		t.Errorf("%v", l.told)
	}
	if _, err := l.come(ofOld); err == nil {
		t.Error("it came in again, or resumed its session")
	}
	trust("nonsense") // an unusable file changes nothing
	l.look()
	if !isOpen(t, stays) {
		t.Error("it was sent away for a file that cannot be used")
	}
}

func TestWhereNobodyShowsACertificateNobodyIsLookedAt(t *testing.T) {
	a := newAuthority(t)
	made := a.issue("server", "localhost")
	c, err := NewCredentials(TLS{CertFile: made.cert, KeyFile: made.key}, "--tls", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	for _, c := range []*Credentials{c, nil} {
		if c.Guard(inner) != inner || c.Guard(nil) != nil {
			t.Error("it is guarded")
		}
		c.Run(t.Context(), nil) // must return
	}
}
