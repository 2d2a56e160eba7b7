// Package house checks the house itself: which room imports what.
package house

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const (
	consulAPI = "github.com/hashicorp/consul/api"
	xdsCache  = "github.com/envoyproxy/go-control-plane/pkg/cache"
	xdsServer = "github.com/envoyproxy/go-control-plane/pkg/server"
	prom      = "github.com/prometheus/client_golang"
)

// rooms is the table of the architecture: which rooms of the house each room may import.
// A room that is not named here is under internal/ and may import what it likes.
var rooms = map[string][]string{
	"legate":           {"legate/internal/cli"},
	"legate/discovery": {"legate/metrics"},
	"legate/translate": {"legate/discovery"},
	"legate/xdsserver": {"legate/translate", "legate/metrics"},
	"legate/metrics":   {},
}

// owned are the libraries that only some rooms know. What tests and the demo share drives the
// real parts, so it may know them too.
var owned = []struct {
	library string
	rooms   []string
}{
	{consulAPI, []string{"legate/discovery", "legate/internal/parts", "legate/internal/demo"}},
	{xdsCache, []string{"legate/xdsserver", "legate/internal/bench"}},
	{xdsServer, []string{"legate/xdsserver", "legate/internal/bench"}},
	{prom, []string{"legate/metrics"}},
}

type pkg struct {
	ImportPath string
	Imports    []string
}

func TestEachRoomImportsOnlyWhatTheTableAllows(t *testing.T) {
	for _, p := range list(t) {
		allowed, named := rooms[p.ImportPath]
		for _, imported := range p.Imports {
			if named && isOurs(imported) && !slices.Contains(allowed, imported) {
				t.Errorf("%s imports %s: it may import only %v", p.ImportPath, imported, allowed)
			}
			for _, o := range owned {
				if within(imported, o.library) && !slices.ContainsFunc(o.rooms, func(room string) bool { return within(p.ImportPath, room) }) {
					t.Errorf("%s imports %s: only %v know it", p.ImportPath, imported, o.rooms)
				}
			}
		}
	}
}

// A pure room has no clock, no files, no network and no log.
func TestTranslateIsPure(t *testing.T) {
	for _, p := range list(t) {
		if p.ImportPath != "legate/translate" {
			continue
		}
		for _, imported := range p.Imports {
			if slices.Contains([]string{"os", "net", "net/http", "log", "log/slog", "io/fs", "math/rand", "math/rand/v2", "context"}, imported) {
				t.Errorf("translate imports %s", imported)
			}
		}
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
	if len(all) < len(rooms) {
		t.Fatalf("go list names %d packages, fewer than there are rooms", len(all))
	}
	for room := range rooms {
		if !slices.ContainsFunc(all, func(p pkg) bool { return p.ImportPath == room }) {
			t.Errorf("there is no room %s", room)
		}
	}
	return all
}
