package cli

import (
	"strings"
	"testing"
)

func TestMistakesInTheFileAreNamedWithLineAndSuggestion(t *testing.T) {
	for _, c := range []struct{ name, content, want string }{
		{"misspelt block", "consul:\n  addr: x\nservcies:\n  tags: [a]\n", `legate.yaml:3: unknown block "servcies": did you mean "services"?`},
		{"unknown block", "kubernetes: {}\n", `legate.yaml:1: unknown block "kubernetes": the blocks are consul, services, xds`},
		{"misspelt key", "consul:\n  token_flie: x\n", `legate.yaml:2: unknown key "token_flie" in block consul: did you mean "token_file"?`},
		{"unknown key", "log:\n  colour: red\n", `legate.yaml:2: unknown key "colour" in block log: the keys are level, format`},
		{"key of another block", "admin:\n  rest_listen: x\n", `legate.yaml:2: unknown key "rest_listen" in block admin`},
		{"key twice", "log:\n  level: info\n  level: debug\n", `legate.yaml:3: key "level" is there twice, first in line 2`},
		{"list for a value", "log:\n  level: [info]\n", `legate.yaml:2: log.level must be one plain value`},
		{"map for a list", "services:\n  tags: {a: b}\n", `legate.yaml:2: services.tags must be a value or a list of values`},
		{"map in a list", "services:\n  tags: [{a: b}]\n", `services.tags must be a list of plain values`},
		{"no blocks", "- a\n- b\n", `legate.yaml:1: the file must hold keys and values`},
		{"value for a block", "log: debug\n", `legate.yaml:1: block log must hold keys and values`},
		{"two documents", "log: {}\n---\nlog: {}\n", `more than one YAML document`},
		{"not YAML", "log: [\n", `legate.yaml: not YAML: line `},
		{"wrong value", "log:\n  level: loud\n", `legate.yaml:2: log.level "loud": want one of debug, info, warn, error`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := legate(t, nil, "serve", "--config", file(t, "legate.yaml", c.content))
			if r.code != exitUsage || !strings.Contains(r.err, c.want) {
				t.Errorf("exit %d, want %q in:\n%s", r.code, c.want, r.err)
			}
		})
	}
}

func TestAFileMayHoldTheSettingsOfEveryCommand(t *testing.T) {
	path := file(t, "legate.yaml", `
# comments, empty blocks and empty values are fine
consul:
  token:
xds: &x
  listen: 127.0.0.1:18000
services:
  tags: [a, b]
  include: web
admin:
log: {level: info}
bootstrap:
  mode: sotw
render:
  strict: true
`)
	known := everySetting((&program{}).commands())
	got, err := readFile(path, known)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"xds.listen": "127.0.0.1:18000", "services.tags": "a b", "services.include": "web", "bootstrap.mode": "sotw", "render.strict": "true",
	} {
		if v := strings.Join(got[key].values, " "); v != want {
			t.Errorf("%s is %q, want %q", key, v, want)
		}
	}
	if e, ok := got["consul.token"]; ok {
		t.Errorf("an empty value was read as %q", e.values)
	}
}

func TestAnEmptyFileSetsNothing(t *testing.T) {
	for _, content := range []string{"", "# nothing\n", "---\n"} {
		if got, err := readFile(file(t, "legate.yaml", content), everySetting((&program{}).commands())); err != nil || len(got) != 0 {
			t.Errorf("%q: %v %v", content, got, err)
		}
	}
}
