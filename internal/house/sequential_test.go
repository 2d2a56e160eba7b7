package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What make test runs without the race detector has nothing for it to find: neither a package nor its tests start
// a goroutine, or share anything under a lock.
func TestWhatTheRaceDetectorDoesNotWatchIsSequential(t *testing.T) {
	makefile, err := os.ReadFile(top + "Makefile")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`(?m)^SEQUENTIAL := (.+)$`).FindSubmatch(makefile)
	if named == nil {
		t.Fatal("the Makefile does not say which packages these are")
	}
	for _, folder := range strings.Fields(string(named[1])) {
		files, err := filepath.Glob(filepath.Join(top, folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Errorf("%s has %d files: %v", folder, len(files), err)
		}
		for _, file := range files {
			for _, what := range concurrent(t, file) {
				t.Errorf("%s: %s", file, what)
			}
		}
	}
}

// concurrent is what makes a file one whose code runs concurrently.
func concurrent(t *testing.T, file string) (found []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range parsed.Imports {
		if slices.Contains([]string{`"sync"`, `"sync/atomic"`, `"testing/synctest"`}, i.Path.Value) {
			found = append(found, "it imports "+i.Path.Value)
		}
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = append(found, "it starts a goroutine")
		case *ast.SelectorExpr:
			if n.Sel.Name == "Parallel" {
				found = append(found, "tests run in parallel")
			}
		}
		return true
	})
	return found
}

func TestWhatIsConcurrentIsSeen(t *testing.T) {
	file := filepath.Join(t.TempDir(), "some.go")
	const text = `package some
import ("sync"; "testing")
func Some(t *testing.T) { t.Parallel(); go func() {}() }
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if found := concurrent(t, file); len(found) != 3 {
		t.Errorf("found %q, want three things", found)
	}
}
