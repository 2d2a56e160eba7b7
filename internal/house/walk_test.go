package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
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
