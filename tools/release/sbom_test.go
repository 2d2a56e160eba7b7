package release

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// A bill of materials names each module that the program has in it, with its version.
func TestTheBillOfMaterialsIsThatOfTheProgram(t *testing.T) {
	b := aSnapshot(t)
	for _, one := range programs(t, b) {
		text, err := os.ReadFile(b.one(t, "*_"+one.platform+".cdx.json"))
		if err != nil {
			t.Fatal(err)
		}
		type component struct{ Name, Version, PURL string }
		var bill struct {
			BOMFormat   string
			SpecVersion string
			Metadata    struct{ Component component }
			Components  []component
		}
		if err := json.Unmarshal(text, &bill); err != nil {
			t.Fatal(err)
		}
		if bill.BOMFormat != "CycloneDX" || bill.SpecVersion == "" || bill.Metadata.Component.Name != "legate" || bill.Metadata.Component.Version != one.info.Main.Version {
			t.Errorf("%s: it is a %s %s of %+v", one.platform, bill.BOMFormat, bill.SpecVersion, bill.Metadata.Component)
		}
		listed := map[string]string{}
		for _, c := range bill.Components {
			listed[c.Name] = c.Version
			if !strings.HasPrefix(c.PURL, "pkg:golang/") {
				t.Errorf("%s: %s has the address %q", one.platform, c.Name, c.PURL)
			}
		}
		for _, m := range one.info.Deps {
			if m.Replace != nil {
				m = m.Replace
			}
			if listed[m.Path] != m.Version {
				t.Errorf("%s: %s has version %q, want %q", one.platform, m.Path, listed[m.Path], m.Version)
			}
			delete(listed, m.Path)
		}
		if len(listed) != 1 || listed["std"] == "" {
			t.Errorf("%s: it also lists %v, want Go's own library only", one.platform, listed)
		}
	}
}
