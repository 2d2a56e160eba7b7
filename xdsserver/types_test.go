package xdsserver

import (
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"legate/metrics"
	"legate/translate"
)

// Only types.go knows the types by name. Everything else asks the description of the type before it.
func TestOnlyTheirDescriptionsKnowTheTypes(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	files, known := token.NewFileSet(), 0
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") || path == "types.go" {
			continue
		}
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		known++
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if from, ok := n.X.(*ast.Ident); ok && from.Name == "translate" && strings.HasSuffix(n.Sel.Name, "Type") {
					t.Errorf("%v: translate.%s: ask the type's description (types.go)", files.Position(n.Pos()), n.Sel.Name)
				}
			case *ast.BasicLit:
				if strings.Contains(n.Value, "type.googleapis.com/") || strings.Contains(n.Value, "envoy.config.") {
					t.Errorf("%v: %s: ask the type's description (types.go)", files.Position(n.Pos()), n.Value)
				}
			}
			return true
		})
	}
	if known < 20 {
		t.Errorf("only %d files were looked at", known)
	}
}

// What is described is served in each way, under the names that clients ask for.
func TestDescriptionsFitEachOther(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for i, d := range resourceTypes {
		for _, name := range []string{d.typeURL, d.word, d.service.ServiceName} {
			if name == "" || seen[name] {
				t.Errorf("%s: %q is missing, or another type's too", d.typeURL, name)
			}
			seen[name] = true
		}
		if typeOf(d.typeURL) != d || Word(d.typeURL) != d.word {
			t.Errorf("%s is not found", d.typeURL)
		}
		if d.lacks == "" {
			t.Errorf("%s: nothing says why there is no resource", d.word)
		}
		for j, other := range resourceTypes {
			if d.brings == other.typeURL && j <= i {
				t.Errorf("%s brings %s, which is sent before it", d.word, other.word)
			}
		}
		if d.brings != "" && typeOf(d.brings) == nil {
			t.Errorf("%s bring %s, which is not served", d.word, d.brings)
		}
		if d.none == nil {
			continue
		}
		if none, err := d.none("web"); err != nil || none.Name != (translate.Name{Type: d.typeURL, Name: "web"}) {
			t.Errorf("%s: what stands for none is %v, %v", d.word, none.Name, err)
		}
	}
	if typeOf("") != nil || Word("type.googleapis.com/envoy.config.listener.v3.Listener") != "" {
		t.Error("what is not described is said to be served")
	}
}

// Alerts and graphs ask for a type's series before anything has happened.
func TestEachTypeThatIsServedIsCountedFromTheStart(t *testing.T) {
	t.Parallel()
	m := metrics.New(metrics.BuildInfo{})
	if _, err := New(DefaultConfig(), slog.New(slog.DiscardHandler), m.XDS); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	text := w.Body.String()
	for _, label := range []string{"cds", "eds", "sds"} {
		for _, want := range []string{
			`legate_xds_nacks_total{type="` + label + `"} 0`,
			`legate_xds_responses_total{protocol="delta",type="` + label + `"} 0`,
			`legate_xds_fetches_total{outcome="ok",type="` + label + `"} 0`,
		} {
			if !strings.Contains(text, want) {
				t.Errorf("there is no %s", want)
			}
		}
	}
}
