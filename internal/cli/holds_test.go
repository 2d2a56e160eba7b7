package cli

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"legate/discovery"
	"legate/internal/admin"
)

func TestHoldsAreListedAndReleasedThroughTheAdminListener(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.String()+" "+r.Header.Get("Authorization"))
		if r.Method == http.MethodPost && r.Header.Get("Authorization") != "Bearer secret" {
			http.Error(w, "send the token", http.StatusUnauthorized)
			return
		}
		_ = json.NewEncoder(w).Encode(admin.Held{Released: 2, Holds: []discovery.Hold{
			{Service: "web", Why: "datacenter", Kept: 3, Served: 4, Deselected: 2, Since: time.Unix(0, 0), Remedy: "look at Consul"},
			{Service: "web", Entry: "service-defaults/web", Why: "entry_hidden", Since: time.Unix(0, 0), Remedy: "give the token rights"}}})
	}))
	defer server.Close()
	token := file(t, "token", "secret\n")
	for _, c := range []struct {
		args []string
		exit int
		says string
	}{
		{[]string{"list"}, 0, "SERVICE               WHY           KEPT  LOST TAGS  SERVED"},
		{[]string{"list"}, 0, "web                   datacenter    3     2          4"},
		{[]string{"list"}, 0, "service-defaults/web  entry_hidden"},
		{[]string{"list"}, 0, "when the token may read it again, or on release"},
		{[]string{"list"}, 0, "look at Consul"},
		{[]string{"list"}, 0, "when Consul confirms it"},
		{[]string{"list", "--format", "json"}, 0, `"service": "web"`},
		{[]string{"release", "--all", "--admin-token-file", token}, 0, "released: 2 holds"},
		{[]string{"release", "--all"}, 1, "401 Unauthorized: send the token"},
		{[]string{"release", "--site", "dc2", "--admin-token-file", token}, 0, "released: 2 holds"},
		{[]string{"release", "--site", "dc2", "--service", "web"}, 2, "say what to release"},
		{[]string{"release"}, 2, "say what to release"},
		{[]string{"release", "--all", "--service", "web"}, 2, "say what to release"},
	} {
		r := legate(t, nil, append([]string{"holds"}, append(c.args, "--admin-addr", server.Listener.Addr().String())...)...)
		if r.code != c.exit || !strings.Contains(r.out+r.err, c.says) {
			t.Errorf("%v: exit %d\n%s%s", c.args, r.code, r.out, r.err)
		}
	}
	if want := "POST /api/v1/holds/release?all=true Bearer secret"; asked[7] != want {
		t.Errorf("asked %q, want %q", asked[7], want)
	}
	if want := "POST /api/v1/holds/release?site=dc2 Bearer secret"; asked[9] != want {
		t.Errorf("asked %q, want %q", asked[9], want)
	}
	if r := legate(t, nil, "holds", "list", "--admin-addr", "127.0.0.1:1"); r.code != 1 || !strings.Contains(r.err, "does it run there?") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
}

// Anybody who may register a service chooses its name, and a proxy in Legate's place may answer
// anything.
func TestWhatIsListedAndAnsweredDoesNothingToATerminal(t *testing.T) {
	evil := "w\x1b[31m\u202eb\nheld: none\u009b"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			http.Error(w, evil+strings.Repeat("x", 1<<20), http.StatusBadGateway)
			return
		}
		_ = json.NewEncoder(w).Encode(admin.Held{Holds: []discovery.Hold{
			{Service: evil, Why: "emptied", Kept: 3, Served: 4, Remedy: evil}, {Service: strings.Repeat("y", 1<<20), Why: evil, Remedy: evil}}})
	}))
	defer server.Close()
	for _, args := range [][]string{{"list"}, {"list", "--format", "json"}, {"release", "--all"}} {
		r := legate(t, nil, append([]string{"holds"}, append(args, "--admin-addr", server.Listener.Addr().String())...)...)
		if strings.ContainsAny(r.out+r.err, "\x1b\u202e\u009b") || strings.Contains(r.out+r.err, "\nheld: none") {
			t.Errorf("%v: %.300q %.300q", args, r.out, r.err)
		}
		if json := len(args) == 3; !json && len(r.out)+len(r.err) > 20<<10 {
			t.Errorf("%v: %d bytes", args, len(r.out)+len(r.err))
		}
	}
}

func TestWithAStateFolderHoldsCanBeReleasedWithoutARestart(t *testing.T) {
	folder, err := os.MkdirTemp("", "lg-") // socket paths must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	state := filepath.Join(folder, "state")
	r := serve(t, "--consul-addr", closedPort(t), "--state-dir", state)
	refused := legate(t, nil, "holds", "release", "--all", "--admin-addr", r.admin)
	socket := filepath.Join(state, "admin.sock")
	if refused.code != 1 || !strings.Contains(refused.err, "--admin-socket") || strings.Contains(refused.err, socket) {
		t.Errorf("exit %d, which does not say how, or tells a stranger where: %s", refused.code, refused.err)
	}
	if released := legate(t, nil, "holds", "release", "--all", "--admin-socket", socket); released.code != 0 || released.out != "released: 0 holds\n" {
		t.Errorf("exit %d: %s%s", released.code, released.out, released.err)
	}
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others can open it: %v %v", info, err)
	}
	r.end()
	if _, err := os.Stat(socket); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is left behind: %v", err)
	}
}

func TestWithoutRoomForASocketLegateGoesOn(t *testing.T) {
	state := filepath.Join(t.TempDir(), strings.Repeat("long", 30))
	r := serve(t, "--consul-addr", closedPort(t), "--state-dir", state)
	if warned := r.log.await(t, "no admin socket, going on without"); warned["remedy"] == "" {
		t.Errorf("no remedy: %v", warned)
	}
	if code, _ := r.get("/healthz"); code != 200 {
		t.Errorf("healthz: %d", code)
	}
}
