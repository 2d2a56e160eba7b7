// Package house checks which room imports what.
package house

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	consulAPI  = "github.com/hashicorp/consul/api"
	xdsCache   = "github.com/envoyproxy/go-control-plane/pkg/cache"
	xdsServer  = "github.com/envoyproxy/go-control-plane/pkg/server"
	dnsLibrary = "github.com/miekg/dns"
	prom       = "github.com/prometheus/client_golang"
	bexpr      = "github.com/hashicorp/go-bexpr"
)

// room is a row of the table in ARCHITECTURE.md: folders, and which rooms their packages may
// import.
type room struct {
	folders []string
	imports []string
	any     bool
}

// rooms reads the table. A row names the rooms, or says "anything", or has a dash.
func rooms(t *testing.T) []room {
	t.Helper()
	page, err := os.ReadFile(top + "ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "| room | holds | may import |\n|---|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	names := regexp.MustCompile("`([^`]+)`")
	var all []room
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if len(cells) != 3 {
			t.Fatalf("%q has %d cells, want 3", line, len(cells))
		}
		r := room{any: strings.TrimSpace(cells[2]) == "anything"}
		for _, m := range names.FindAllStringSubmatch(cells[0], -1) {
			r.folders = append(r.folders, path(m[1]))
		}
		for _, m := range names.FindAllStringSubmatch(cells[2], -1) {
			r.imports = append(r.imports, path(m[1]))
		}
		if len(r.folders) == 0 || !r.any && len(r.imports) == 0 && strings.TrimSpace(cells[2]) != "–" {
			t.Errorf("this row cannot be checked: %s", line)
		}
		all = append(all, r)
	}
	if len(all) < 10 {
		t.Fatalf("the table has %d rows only", len(all))
	}
	return all
}

// path returns a folder of the table as an import path. In internal/…test/ the dots match anything.
func path(folder string) string {
	if folder == "main.go" {
		return "legate"
	}
	return "legate/" + strings.TrimSuffix(folder, "/")
}

// holds reports whether a package is in a folder, and how specific that folder is.
func holds(folder, pkg string) (exact int, is bool) {
	if before, after, some := strings.Cut(folder, "…"); some {
		first, _, _ := strings.Cut(strings.TrimPrefix(pkg, before), "/")
		return len(before), strings.HasPrefix(pkg, before) && strings.HasSuffix(first, after)
	}
	return len(folder), pkg == folder || folder != "legate" && within(pkg, folder)
}

// roomOf returns the room of a package.
func roomOf(all []room, pkg string) *room {
	var best *room
	longest := -1
	for i := range all {
		for _, folder := range all[i].folders {
			if exact, is := holds(folder, pkg); is && exact > longest {
				best, longest = &all[i], exact
			}
		}
	}
	return best
}

// may reports whether a room's packages may import another package of this module: one of the same
// room, or of a room that the row names. A folder stands for its own row, not for rows of folders
// within it.
func (r *room) may(all []room, imported string) bool {
	its := roomOf(all, imported)
	if r.any || its == r {
		return true
	}
	return its != nil && slices.ContainsFunc(its.folders, func(folder string) bool { return slices.Contains(r.imports, folder) })
}

// owned are the libraries that only certain rooms may import. Test helpers and the demo use the
// real programs, so they may import them, too.
var owned = []struct {
	library string
	rooms   []string
}{
	{consulAPI, []string{"legate/discovery/consul", "legate/internal/parts", "legate/internal/demo"}},
	{xdsCache, []string{"legate/xdsserver", "legate/internal/bench"}},
	{xdsServer, []string{"legate/xdsserver", "legate/internal/bench"}},
	{dnsLibrary, []string{"legate/discovery/resolve", "legate/internal/parts"}},
	{prom, []string{"legate/metrics"}},
	{bexpr, []string{"legate/translate/filter"}},
}

type pkg struct {
	ImportPath string
	Imports    []string
}

func TestEachRoomImportsOnlyWhatTheTableAllows(t *testing.T) {
	table := rooms(t)
	lived := map[*room]bool{}
	for _, p := range list(t) {
		r := roomOf(table, p.ImportPath)
		if r == nil {
			t.Errorf("%s is in no row of the table in ARCHITECTURE.md", p.ImportPath)
			continue
		}
		lived[r] = true
		for _, imported := range p.Imports {
			if isOurs(imported) && !r.may(table, imported) {
				t.Errorf("%s imports %s: the table allows %v", p.ImportPath, imported, r.imports)
			}
			for _, o := range owned {
				if within(imported, o.library) && !slices.ContainsFunc(o.rooms, func(room string) bool { return within(p.ImportPath, room) }) {
					t.Errorf("%s imports %s: only %v know it", p.ImportPath, imported, o.rooms)
				}
			}
		}
	}
	for i := range table {
		if folders := table[i].folders; !lived[&table[i]] && !slices.Equal(folders, []string{"legate/examples"}) { // a room without Go
			t.Errorf("there is no package in %v", folders)
		}
	}
}

// The test of the table depends on this.
func TestAPackageIsInTheRoomThatNamesItBest(t *testing.T) {
	table := []room{{folders: []string{"legate"}}, {folders: []string{"legate/discovery"}}, {folders: []string{"legate/discovery/watch"}}, {folders: []string{"legate/internal/…test"}}}
	for pkg, want := range map[string]int{"legate": 0, "legate/discovery": 1, "legate/discovery/watch": 2, "legate/discovery/guard": 1, "legate/internal/xdstest": 3, "legate/internal/cli": -1, "legate/discoveries": -1} {
		var wanted *room
		if want >= 0 {
			wanted = &table[want]
		}
		if got := roomOf(table, pkg); got != wanted {
			t.Errorf("%s: %+v, want %+v", pkg, got, wanted)
		}
	}
}

// Imports go one way: a lower room must not import a higher one.
func TestAnImportUpwardsIsNotAllowed(t *testing.T) {
	table := []room{
		{folders: []string{"legate/discovery"}, imports: []string{"legate/discovery/catalog", "legate/metrics"}},
		{folders: []string{"legate/discovery/catalog"}},
		{folders: []string{"legate/discovery/watch"}, imports: []string{"legate/discovery/catalog"}},
		{folders: []string{"legate/metrics"}},
		{folders: []string{"legate/internal/cli"}, any: true},
		{folders: []string{"legate/internal/admin"}, imports: []string{"legate/discovery"}},
	}
	for _, c := range []struct {
		from, to string
		want     bool
	}{
		{"legate/discovery", "legate/discovery/catalog", true},
		{"legate/discovery", "legate/metrics", true},
		{"legate/discovery", "legate/discovery/watch", false}, // the row does not name it
		{"legate/discovery/catalog", "legate/discovery", false},
		{"legate/discovery/watch", "legate/discovery/catalog", true},
		{"legate/discovery/watch", "legate/discovery", false},
		{"legate/internal/cli", "legate/discovery", true},
		{"legate/internal/admin", "legate/discovery", true},
		{"legate/internal/admin", "legate/discovery/catalog", false},
		{"legate/internal/admin", "legate/unknown", false},
	} {
		if got := roomOf(table, c.from).may(table, c.to); got != c.want {
			t.Errorf("%s imports %s: allowed %v", c.from, c.to, got)
		}
	}
}

// What builds or downloads other programs, and what only tests need, is for developers only.
func TestTheProgramDoesNotContainWhatBuildsOthers(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "legate").Output()
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Fields(string(out))
	for _, contained := range []string{"legate/tools", "legate/internal/parts/pinned"} {
		if slices.Contains(all, contained) {
			t.Errorf("the program contains %s", contained)
		}
	}
	for _, module := range []string{"github.com/getkin/kin-openapi", "github.com/Shopify/toxiproxy", "go.uber.org/goleak"} {
		if i := slices.IndexFunc(all, func(pkg string) bool { return strings.HasPrefix(pkg, module) }); i >= 0 {
			t.Errorf("the program contains %s", all[i])
		}
	}
	if !slices.Contains(all, "legate/internal/cli") {
		t.Errorf("these are not the program's packages: %v", all)
	}
}

// Rooms whose rows name each other in a circle would allow imports both ways. A row of several
// folders is a kind of tool and not a room, so its folders may be on both sides.
func TestNoRoomLeadsBackToItself(t *testing.T) {
	table := rooms(t)
	for i := range table {
		start := &table[i]
		if len(start.folders) > 1 {
			continue
		}
		passed := map[*room]bool{}
		for next := []*room{start}; len(next) > 0; next = next[1:] {
			for _, folder := range next[0].imports {
				to := roomOf(table, folder)
				if to == nil {
					t.Errorf("%v may import %s, which is in no row", next[0].folders, folder)
				} else if to == start {
					if next[0] != start {
						t.Errorf("%v leads back to itself, by %v", start.folders, next[0].folders)
					}
				} else if !passed[to] && len(to.folders) == 1 {
					passed[to] = true
					next = append(next, to)
				}
			}
		}
	}
}

// pure are the rooms without a clock, files, network and log.
var pure = []string{"legate/translate", "legate/translate/policy", "legate/discovery/catalog", "legate/discovery/guard", "legate/internal/compare", "legate/internal/envoycheck"}

func TestPureRoomsArePure(t *testing.T) {
	found := 0
	for _, p := range list(t) {
		if !slices.Contains(pure, p.ImportPath) {
			continue
		}
		found++
		for _, imported := range p.Imports {
			if slices.Contains([]string{"os", "net", "net/http", "log", "log/slog", "io/fs", "math/rand", "math/rand/v2", "context"}, imported) {
				t.Errorf("%s imports %s", p.ImportPath, imported)
			}
		}
	}
	if found != len(pure) {
		t.Errorf("%d of %v were found", found, pure)
	}
}

func isOurs(path string) bool { return path == "legate" || strings.HasPrefix(path, "legate/") }

func within(path, tree string) bool {
	tree = strings.TrimSuffix(tree, "/")
	return path == tree || strings.HasPrefix(path, tree+"/")
}

func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "legate/...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var all []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 20 {
		t.Fatalf("go list names %d packages only", len(all))
	}
	return all
}
