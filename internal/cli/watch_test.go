package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"legate/internal/admin"
	"legate/internal/changes"
	"legate/internal/compare"
	"legate/internal/parts"
	"legate/internal/xdsclient"
)

// ready waits until a Legate has read Consul.
func (r *running) ready() {
	r.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if code, body := r.get("/readyz"); code == 200 {
			return
		} else if time.Now().After(deadline) {
			r.t.Fatal(body)
		}
	}
}

func TestWatchOncePrintsTheStateAndItsExitCodeSaysWhetherItIsWhole(t *testing.T) {
	consul, _ := curiousConsul(t)
	r := serve(t, "--consul-addr", consul, "--drain-delay", "0s")
	r.ready()
	all := []string{"watch", "--once", "--xds-address", r.xds, "--node-id", "me"}
	const web = "web: EDS, panic threshold 0%, connect_timeout 5s\n  10.0.0.1:80  healthy  region dc1, weight 1\n"
	for _, c := range []struct {
		args []string
		code int
		out  string
		err  string
	}{
		{nil, 0, web + "TIME  1 service, 1 endpoint: that is what node me gets\n", ""},
		{[]string{"web"}, 0, web + "TIME  1 service, 1 endpoint: that is what node me gets\n", ""},
		{[]string{"nosuch", "web", "web"}, 1, web + "nosuch: not served: Consul has no service of this name, or it is left out\nTIME  1 service, 1 endpoint: that is what node me gets\n",
			"legate: 1 service not served: nosuch: see \"legate render\" for what is left out, and why\n"},
		{[]string{"n\u202eo"}, 1, "\"n\\u202eo\": not served: Consul has no service of this name, or it is left out\nTIME  0 services, 0 endpoints: that is what node me gets\n",
			"legate: 1 service not served: n\\u202eo: see \"legate render\" for what is left out, and why\n"},
	} {
		got := legate(t, nil, append(all, c.args...)...)
		lines := strings.SplitAfter(got.out, "\n")
		if at := len(lines) - 2; at >= 0 && len(lines[at]) > 12 {
			lines[at] = "TIME" + lines[at][12:]
		}
		if out := strings.Join(lines, ""); got.code != c.code || out != c.out || got.err != c.err {
			t.Errorf("%v: exit %d:\n%s%s", c.args, got.code, out, got.err)
		}
	}
	got := legate(t, nil, append(all, "--json")...)
	for i, want := range []string{
		`"event":"service","service":"web","cluster":"EDS, panic threshold 0%, connect_timeout 5s","endpoints":[{"address":"10.0.0.1:80","health":"healthy","region":"dc1","weight":1,"priority":0}]}`,
		`"event":"synced","services":1,"endpoints":1}`,
	} {
		if line := strings.Split(got.out, "\n")[i]; !strings.HasPrefix(line, `{"time":"`) || !strings.HasSuffix(line, `",`+want) {
			t.Errorf("line %d: %s", i, line)
		}
	}
}

func TestWatchOnceFailsIfNotEverythingComesInTime(t *testing.T) {
	r := serve(t, "--consul-addr", closedPort(t), "--drain-delay", "0s") // serves nothing
	for address, want := range map[string]string{
		r.xds:         "the answer is not complete",
		closedPort(t): "connection refused",
	} {
		got := legate(t, nil, "watch", "--once", "--timeout", "500ms", "--xds-address", address)
		if got.code != 1 || got.out != "" || !strings.Contains(got.err, "legate: ask legate at "+address+": ") || !strings.Contains(got.err, want) {
			t.Errorf("%+v", got)
		}
	}
}

func TestWatchSpeaksTLSAndAUnixSocket(t *testing.T) {
	dir := t.TempDir()
	certs, err := parts.NewCerts(dir)
	if err != nil {
		t.Fatal(err)
	}
	consul, _ := curiousConsul(t)
	r := serve(t, "--consul-addr", consul, "--drain-delay", "0s", "--tls-cert", certs.CertFile, "--tls-key", certs.KeyFile, "--tls-client-ca", certs.CAFile)
	r.ready()
	mine := []string{"--ca-file", certs.CAFile, "--cert-file", certs.CertFile, "--key-file", certs.KeyFile}
	watch := func(args ...string) result {
		return legate(t, nil, append([]string{"watch", "--once", "--timeout", "20s", "--xds-address", r.xds}, args...)...)
	}
	if got := watch(mine...); got.code != 0 || !strings.Contains(got.out, "web: ") {
		t.Errorf("%+v", got)
	}
	// The server closes the connection after the client's part of the handshake, so the client may write before it reads why.
	if got := watch("--timeout", "1s", "--ca-file", certs.CAFile); got.code != 1 || !strings.Contains(got.err, "certificate") && !strings.Contains(got.err, "broken pipe") && !strings.Contains(got.err, "reset") {
		t.Errorf("without a certificate of its own: %+v", got)
	}
	if got := watch(append(mine, "--timeout", "1s", "--server-name", "other.example")...); got.code != 1 || !strings.Contains(got.err, "other.example") {
		t.Errorf("another name: %+v", got)
	}
	socket := "unix://" + dir + "/x"
	plain := serve(t, "--consul-addr", consul, "--drain-delay", "0s", "--xds-listen", socket)
	plain.ready()
	if got := legate(t, nil, "watch", "--once", "--xds-address", socket); got.code != 0 || !strings.Contains(got.out, "web: ") {
		t.Errorf("a socket: %+v", got)
	}
}

func TestWatchNamesTheMistakeInItsSettings(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--xds-address x", "--xds-address"},
		{"--node-id=", "--node-id"},
		{"--config " + file(t, "legate.yaml", "watch: {node_id: ''}\n"), "--node-id"},
		{"*", "none for all"},
		{"--server-name x", "--ca-file: nobody would know"},
		{"--ca-file watch.go", "no certificate in it"},
		{"--ca-file watch.go --cert-file watch.go", "give both"},
		{"--ca-file watch.go --xds-address unix:///x", "--server-name: a unix socket has no name"},
	} {
		if got := legate(t, nil, append([]string{"watch"}, strings.Fields(c.args)...)...); got.code != exitUsage || !strings.Contains(got.err, c.want) {
			t.Errorf("%s: %+v", c.args, got)
		}
	}
}

// Each event is an object with a time and a kind, and text in colour only if that was asked for.
func TestWatchShowsEventsAsTextAndAsObjects(t *testing.T) {
	var out strings.Builder
	show := func(o watchOptions, colour bool, events ...xdsclient.Event) []string {
		out.Reset()
		s := newSight(t.Context(), &out, xdsclient.New(xdsclient.Config{}), &o, colour)
		s.synced = true
		for _, e := range events {
			if err := s.show(e); err != nil {
				t.Fatal(err)
			}
		}
		return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	}
	events := []xdsclient.Event{
		xdsclient.Connected{}, xdsclient.Lost{Cause: errors.New("a\x1bb"), Retry: 1500 * time.Millisecond}, xdsclient.Connected{Again: true},
		xdsclient.Changed{{Name: "w\x1bb", After: xdsclient.State{Cluster: []byte{}}}},
	}
	for i, want := range []string{`not connected to x: a\x1bb: trying again in 1.5s`, "connected again: what has changed meanwhile follows", "\x1b[32m" + `"w\x1bb"  + cluster (STATIC)` + "\x1b[0m"} {
		if got := show(watchOptions{address: "x"}, true, events...)[i]; got[14:] != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if plain := strings.Join(show(watchOptions{}, false, events...), "\n"); strings.Contains(plain, "\x1b") {
		t.Errorf("%q", plain)
	}
	kinds := ""
	for _, line := range show(watchOptions{json: true}, true, events...) {
		var is struct {
			Time  time.Time
			Event string
			Op    compare.Sign
		}
		if err := json.Unmarshal([]byte(line), &is); err != nil || is.Time.IsZero() || strings.Contains(line, "\x1b") {
			t.Errorf("%v: %s", err, line)
		}
		kinds += fmt.Sprint(is.Event, is.Op, " ")
	}
	if kinds != "lost connected change+ " {
		t.Errorf("%s", kinds)
	}
}

// The time after Consul's answer is that of the very change, by one clock, and is left out where it is not known.
func TestWatchSaysHowLongAfterConsul(t *testing.T) {
	now := time.Now()
	gone := admin.Changed{Change: changes.Change{Answered: now.Add(-5 * time.Millisecond), Lines: []changes.Line{{Op: changes.Minus, What: "service"}}}}
	was := admin.Changed{Change: changes.Change{Endpoints: "v1", Answered: now.Add(-time.Hour)}}
	is := admin.Changed{Change: changes.Change{Cluster: "c2", Endpoints: "v2", Answered: now.Add(-12 * time.Millisecond)}, Delivery: &admin.ChangeDelivery{FirstSent: now.Add(-9 * time.Millisecond)}}
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		page := admin.Changes{Newest: changes.ID{Mark: "abcdef", Number: 3}}
		switch values := r.URL.Query(); {
		case values.Get("service") == "fails":
			http.Error(w, "no", http.StatusInternalServerError)
			return
		case values.Get("service") == "late" && !values.Has("after"):
		case values.Get("service") == "never" && values.Has("after"):
		case values.Get("service") == "never":
			page.Changes = []admin.Changed{was}
		default:
			page.Changes = []admin.Changed{gone, was, is}
		}
		_ = json.NewEncoder(w).Encode(page)
	}))
	t.Cleanup(server.Close)
	near := since{admin: adminClient{address: server.Listener.Addr().String()}, near: true}
	far := near
	far.near = false
	for _, c := range []struct {
		s    *since
		of   xdsclient.Change
		want string
	}{
		{&near, xdsclient.Change{Name: "web", Endpoints: "v2"}, "   12 ms after Consul"},
		{&near, xdsclient.Change{Name: "web", Cluster: "c2"}, "   12 ms after Consul"},
		{&near, xdsclient.Change{Name: "web"}, "   5 ms after Consul"},
		{&near, xdsclient.Change{Name: "late", Endpoints: "v2"}, "   12 ms after Consul"},
		{&near, xdsclient.Change{Name: "web", Endpoints: "v1"}, "   3600.0 s after Consul"},
		{&near, xdsclient.Change{Name: "never", Endpoints: "v2"}, ""},
		{&far, xdsclient.Change{Name: "web", Endpoints: "v2"}, "   3 ms after Consul until it was sent"},
		{&far, xdsclient.Change{Name: "web", Endpoints: "v1"}, ""},
		{&near, xdsclient.Change{Name: "fails"}, ""},
		{&near, xdsclient.Change{Name: "web", Endpoints: "v2"}, ""}, // it is left alone for a while
	} {
		if _, got := c.s.of(t.Context(), c.of, now); got != c.want {
			t.Errorf("%+v: %q, want %q", c.of, got, c.want)
		}
	}
	if asked != 11 {
		t.Errorf("it was asked %d times", asked)
	}
	for address, want := range map[string]bool{"127.0.0.1:1": true, "[::1]:1": true, "localhost:1": true, "unix:///x": true, "10.0.0.1:1": false, "x": false} {
		if isNear(address) != want {
			t.Errorf("%s is near: %v", address, !want)
		}
	}
}
