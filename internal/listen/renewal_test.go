package listen

import (
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// clocked returns Credentials with a clock that the test sets.
func clocked(t *testing.T, settings TLS) (c *Credentials, set func(time.Time)) {
	t.Helper()
	c, err := NewCredentials(settings, "--tls", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	c.now = func() time.Time { return now }
	return c, func(to time.Time) { now = to }
}

func TestClientsAreCheckedAgainstTheAuthoritiesThatAreInTheFileNow(t *testing.T) {
	old, next := newAuthority(t), newAuthority(t)
	server := old.issue("server", "localhost")
	l := newListener(t, TLS{CertFile: server.cert, KeyFile: server.key, ClientCAFile: old.path("ca.pem")})
	first, second := old.client(old.issue("client", "edge")), old.client(next.issue("client", "edge"))
	in := func(who string, client *tls.Config, want bool) {
		t.Helper()
		if _, err := l.dial(client); (err == nil) != want {
			t.Errorf("%s: %v", who, err)
		}
	}
	in("of the old authority", first, true)
	in("of the new authority, before it is there", second, false)
	both := append(read(t, old.path("ca.pem")), read(t, next.path("ca.pem"))...)
	replace(t, old.path("ca.pem"), both)
	in("of the old authority, beside the new one", first, true)
	in("of the new authority, beside the old one", second, true)
	replace(t, old.path("ca.pem"), read(t, next.path("ca.pem")))
	in("of the old authority, after it was taken away", first, false)
	in("of the new authority alone", second, true)
	replace(t, old.path("ca.pem"), nil)
	in("of the old authority, when there is none", first, false)
	in("of the last good authority", second, true)
}

func TestAConnectionThatIsOpenKeepsWhatItWasOpenedWith(t *testing.T) {
	a := newAuthority(t)
	made := a.issue("server", "localhost", "first")
	c, err := NewCredentials(TLS{CertFile: made.cert, KeyFile: made.key}, "--tls", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", c.Config())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer conn.Close(); _, _ = io.Copy(conn, conn) }() // until the client closes it
		}
	}()
	open := func() *tls.Conn {
		t.Helper()
		conn, err := tls.Dial("tcp", l.Addr().String(), a.client(pair{}))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	works := func(conn *tls.Conn, name string) {
		t.Helper()
		one := []byte("x")
		_, sent := conn.Write(one)
		_, came := io.ReadFull(conn, one)
		if err := errors.Join(sent, came); err != nil {
			t.Error(err)
		}
		if names := conn.ConnectionState().PeerCertificates[0].DNSNames; !slices.Contains(names, name) {
			t.Errorf("it was opened with %v, want %s", names, name)
		}
	}
	before := open()
	works(before, "first")
	a.issue("server", "localhost", "second")
	works(open(), "second")
	works(before, "first")
}

// The two files of a pair are replaced one after the other.
func TestAPairOfWhichOneFileIsStillToComeLeavesTheLastGoodPair(t *testing.T) {
	a := newAuthority(t)
	made := a.issue("server", "localhost", "first")
	next := a.issue("next", "localhost", "second")
	for name, order := range map[string][2]string{"certificate first": {next.cert, next.key}, "key first": {next.key, next.cert}} {
		t.Run(name, func(t *testing.T) {
			a.issue("server", "localhost", "first")
			l := newListener(t, TLS{CertFile: made.cert, KeyFile: made.key})
			serves := func(want string) {
				t.Helper()
				if cert, err := l.dial(a.client(pair{})); err != nil || cert.DNSNames[1] != want {
					t.Errorf("%v %v, want %s", cert, err, want)
				}
			}
			to := map[string]string{next.cert: made.cert, next.key: made.key}
			replace(t, to[order[0]], read(t, order[0]))
			serves("first")
			if trouble := l.made.Trouble(); !strings.Contains(trouble, "its files are unusable") {
				t.Errorf("the trouble is %q", trouble)
			}
			replace(t, to[order[1]], read(t, order[1]))
			serves("second")
			if trouble := l.made.Trouble(); strings.Contains(trouble, "unusable") {
				t.Errorf("the trouble is %q", trouble)
			}
		})
	}
}

func TestTheEndThatIsToldIsThatOfTheCertificateThatIsShown(t *testing.T) {
	a := newAuthority(t)
	end := time.Now().Add(time.Hour).Truncate(time.Second)
	made := a.issueAs("server", end, "localhost")
	c, _ := clocked(t, TLS{CertFile: made.cert, KeyFile: made.key})
	if got := c.Expires(); !got.Equal(end) {
		t.Errorf("it ends at %v, want %v", got, end)
	}
	a.issueAs("server", end.Add(time.Hour), "localhost")
	if got := c.Expires(); !got.Equal(end.Add(time.Hour)) {
		t.Errorf("renewed, it ends at %v", got)
	}
	if got := (*Credentials)(nil).Expires(); !got.IsZero() {
		t.Errorf("without TLS it ends at %v", got)
	}
	if got := (*Credentials)(nil).Config(); got != nil {
		t.Error("without TLS there is a configuration")
	}
}

func TestACertificateIsShownUpToItsLastSecondAndReplacedByNoneThatHasEnded(t *testing.T) {
	a := newAuthority(t)
	end := time.Now().Add(time.Hour).Truncate(time.Second)
	made := a.issueAs("server", end.Add(time.Hour), "localhost")
	c, set := clocked(t, TLS{CertFile: made.cert, KeyFile: made.key})
	a.issueAs("server", end, "localhost")
	set(end.Add(time.Nanosecond))
	if got := c.Expires(); !got.Equal(end.Add(time.Hour)) {
		t.Errorf("one that has ended was taken, of %v", got)
	}
	if said := c.Trouble(); !strings.Contains(said, "it expired at "+end.UTC().Format(time.RFC3339)) {
		t.Errorf("it says %q", said)
	}
	set(end)
	if got := c.Expires(); !got.Equal(end) {
		t.Errorf("one in its last second was not taken: %v", got)
	}
}

// Three days, or a quarter of a short lifetime, are left for the renewal.
func TestWhenTheEndOfACertificateIsATrouble(t *testing.T) {
	a := newAuthority(t)
	for name, c := range map[string]struct{ life, left time.Duration }{
		"of a month": {30 * 24 * time.Hour, 3 * 24 * time.Hour},
		"of a day":   {24 * time.Hour, 6 * time.Hour},
		"of a week":  {7 * 24 * time.Hour, 42 * time.Hour},
	} {
		begin := time.Now().Add(-time.Hour).Truncate(time.Second)
		made := a.issueFor("server", begin, begin.Add(c.life), "localhost")
		held, set := clocked(t, TLS{CertFile: made.cert, KeyFile: made.key})
		set(begin.Add(c.life - c.left - time.Nanosecond))
		if said := held.Trouble(); said != "" {
			t.Errorf("%s: it says %q already", name, said)
		}
		set(begin.Add(c.life - c.left))
		if said := held.Trouble(); !strings.Contains(said, "it ends at "+begin.Add(c.life).UTC().Format(time.RFC3339)) {
			t.Errorf("%s: it says %q", name, said)
		}
	}
}

func TestWhatBelongsTogetherOfTLSIsGivenTogether(t *testing.T) {
	const pair, authorities = "give both --tls-cert and --tls-key", "with --tls-client-ca"
	for _, c := range []struct {
		settings TLS
		on       bool
		want     string
	}{
		{TLS{}, false, ""},
		{TLS{CertFile: "x"}, true, pair},
		{TLS{KeyFile: "x"}, true, pair},
		{TLS{ClientCAFile: "x"}, true, pair},
		{TLS{AllowedSANs: []string{"a"}}, true, pair},
		{TLS{CertFile: "x", KeyFile: "x", AllowedSANs: []string{"a"}}, true, authorities},
		{TLS{CertFile: "x", KeyFile: "x"}, true, ""},
		{TLS{CertFile: "x", KeyFile: "x", ClientCAFile: "x"}, true, ""},
		{TLS{CertFile: "x", KeyFile: "x", ClientCAFile: "x", AllowedSANs: []string{"a"}}, true, ""},
	} {
		if c.settings.On() != c.on {
			t.Errorf("%+v: on %v", c.settings, c.settings.On())
		}
		if err := c.settings.Validate("--tls"); (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.settings, err, c.want)
		}
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// replace replaces a file atomically.
func replace(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := errors.Join(os.WriteFile(path+".new", content, 0o600), os.Rename(path+".new", path)); err != nil {
		t.Fatal(err)
	}
}
