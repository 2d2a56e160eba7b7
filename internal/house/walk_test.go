package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strings"
	"testing"
)

const top = "../../"

// The walk of a change in ARCHITECTURE.md names a file and a function at each stop.
func TestTheWalkOfAChangeIsWhereTheArchitectureSays(t *testing.T) {
	page, err := os.ReadFile(top + "ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	stops := regexp.MustCompile("`([a-z/]+\\.go)` `([A-Za-z]+)`").FindAllStringSubmatch(string(page), -1)
	if len(stops) < 8 {
		t.Fatalf("the page names %d places, the walk has 8 stops", len(stops))
	}
	for _, stop := range stops {
		file, function := stop[1], stop[2]
		parsed, err := parser.ParseFile(token.NewFileSet(), top+file, nil, 0)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		found := false
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			found = found || (ok && f.Name.Name == function)
		}
		if !found {
			t.Errorf("%s has no function %s", file, function)
		}
	}
}

// The walk leads one way, room by room, and is short: a batch is made within eight stops.
func TestTheWalkOfAChangeLeadsOneWay(t *testing.T) {
	page, err := os.ReadFile(top + "ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, walk, _ := strings.Cut(string(page), "## The walk of a change")
	rows := regexp.MustCompile("(?m)^\\| \\d+ \\|.*?`([a-z/]+)/[a-z]+\\.go` `").FindAllStringSubmatch(walk, -1)
	batch, left, now := 0, map[string]bool{}, ""
	for n, row := range rows {
		room := row[1]
		if room != now && left[room] {
			t.Errorf("stop %d enters %s again", n+1, room)
		}
		if room != now {
			left[now], now = true, room
		}
		if strings.Contains(row[0], "one batch") {
			batch = n + 1
		}
	}
	if len(rows) < 8 || batch == 0 || batch > 8 {
		t.Errorf("of %d stops the batch is made at number %d, want it within 8", len(rows), batch)
	}
}
