package policy

import (
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the reference into docs/policy.md")

const page = "../../docs/policy.md"

// TestTheReferenceIsWhatTheSchemaHas: the table in docs/policy.md is made from it.
func TestTheReferenceIsWhatTheSchemaHas(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	mark := "<!-- made by: go test ./translate/policy -run Reference -update -->\n"
	before, after, found := strings.Cut(string(text), mark)
	if !found {
		t.Fatalf("the page lacks %s", mark)
	}
	want := "\n" + Reference()
	if *update {
		if err := os.WriteFile(page, []byte(before+mark+want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if after != want {
		t.Errorf("the reference is not the one of the schema: make it again, with -update")
	}
}

// TestEveryFileInTheDocumentationIsAPolicy: each YAML block is a whole file.
func TestEveryFileInTheDocumentationIsAPolicy(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 7 {
		t.Fatalf("%d files were found", len(blocks))
	}
	for _, b := range blocks {
		p, err := Parse([]File{{"docs", []byte(b[1])}})
		if err != nil {
			t.Errorf("%v in\n%s", err, b[1])
		}
		for _, r := range p.rules {
			if mistakes := Merge(Base(Default()), r.says).policy().Validate(); len(mistakes) > 0 {
				t.Errorf("%v in\n%s", mistakes, b[1])
			}
		}
	}
}

// TestEveryFieldIsDescribed: with a sentence, bounds that it reads itself, and a kind; its meta key is its alone.
func TestEveryFieldIsDescribed(t *testing.T) {
	metas := map[string]string{}
	for _, list := range [][]*Field{Fields(), CheckFields(), SelectorFields()} {
		for _, f := range list {
			if !strings.HasSuffix(f.Doc, ".") || f.Kind == "" || f.Path == "" {
				t.Errorf("%q: kind %q, doc %q", f.Path, f.Kind, f.Doc)
			}
			for _, bound := range []string{f.Low, f.High} {
				if bound == "" {
					continue
				}
				if _, err := f.parse(bound); err != nil {
					t.Errorf("%s: bound %s: %v", f.Path, bound, err)
				}
			}
		}
	}
	for _, f := range Fields() {
		if key := f.Meta(); key != "" {
			if other, twice := metas[key]; twice {
				t.Errorf("%s and %s have the same key %s", f.Path, other, key)
			}
			metas[key] = f.Path
			if strings.Trim(key, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
				t.Errorf("consul does not allow the key %s", key)
			}
		}
	}
}

func TestTheJSONSchemaHasEveryField(t *testing.T) {
	var schema map[string]any
	if err := json.Unmarshal(JSONSchema(), &schema); err != nil {
		t.Fatal(err)
	}
	for _, f := range Fields() {
		at := schema["properties"].(map[string]any)["defaults"].(map[string]any)
		for name := range strings.SplitSeq(f.Path, ".") {
			properties, _ := at["properties"].(map[string]any)
			next, is := properties[name].(map[string]any)
			if !is {
				t.Fatalf("the schema lacks %s", f.Path)
			}
			at = next
		}
		if at["description"] != f.Doc {
			t.Errorf("%s: %v", f.Path, at)
		}
	}
}
