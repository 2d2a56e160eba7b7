package cli

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	urfave "github.com/urfave/cli/v2"
)

// renamedCommand is a command one of whose settings has been renamed: no setting of today's need have been.
func renamedCommand(to *string, more *[]string, file *string) *command {
	return &command{name: "try", settings: []*setting{
		text(to, setting{
			name: "color", env: "TRY_COLOR", key: "paint.color", category: "C", usage: "u",
			former: []former{{name: "colour", env: "TRY_COLOUR", key: "paint.colour", gone: "v0.4.0"}, {key: "old.colour", gone: "v0.3.0"}},
		}),
		list(more, setting{name: "brush", env: "TRY_BRUSH", key: "paint.brush", category: "C", usage: "u", former: []former{{name: "pen", gone: "v0.4.0"}}}),
		configSetting(file),
	}, run: func(context.Context) error { return nil }}
}

// A setting that was renamed works by its old name. Whoever uses that is told the new one, and in which version the old
// one goes.
func TestASettingWorksByItsFormerNameAndSaysSo(t *testing.T) {
	for _, c := range []struct {
		name  string
		args  []string
		env   map[string]string
		file  string
		value string
		said  []string // parts of lines, in order; none: nothing
		fails string
	}{
		{name: "today's names", args: []string{"--color", "red"}, env: map[string]string{"TRY_COLOR": "blue"}, file: "paint: {color: green}", value: "red"},
		{name: "a flag", args: []string{"--colour", "red"}, value: "red", said: []string{"--colour is now called --color, and goes in v0.4.0: rename it"}},
		{name: "a flag with =", args: []string{"--colour=red"}, value: "red", said: []string{"--colour is now called"}},
		{name: "a variable", env: map[string]string{"TRY_COLOUR": "red\n"}, value: "red", said: []string{"$TRY_COLOUR is now called $TRY_COLOR, and goes in v0.4.0"}},
		{name: "both variables", env: map[string]string{"TRY_COLOUR": "red", "TRY_COLOR": "blue"}, value: "blue",
			said: []string{"$TRY_COLOUR is now called", "$TRY_COLOUR is ignored, as $TRY_COLOR is set, too: remove it"}},
		{name: "a key", file: "paint:\n  colour: red", value: "red", said: []string{"legate.yaml:2: paint.colour is now called paint.color, and goes in v0.4.0"}},
		{name: "a key in a block that is no more", file: "old: {colour: red}", value: "red", said: []string{"old.colour is now called paint.color, and goes in v0.3.0"}},
		{name: "a flag wins over a variable by any name", args: []string{"--colour", "red"}, env: map[string]string{"TRY_COLOR": "blue"}, value: "red", said: []string{"--colour is now"}},
		{name: "a variable wins over a key by any name", env: map[string]string{"TRY_COLOUR": "red"}, file: "paint: {color: blue}", value: "red", said: []string{"$TRY_COLOUR is now"}},
		{name: "a key by both names", file: "paint: {color: blue, colour: red}", fails: "is there twice"},
		{name: "several by both names", args: []string{"--pen", "a", "--brush", "b"}, said: []string{"--pen is now called --brush"}},
		{name: "a mistake", file: "paint: {coluor: red}", fails: `did you mean "color"?`},
	} {
		var value, path string
		var more []string
		cmd := renamedCommand(&value, &more, &path)
		args := append([]string{"legate", "try"}, c.args...)
		if c.file != "" {
			args = append(args, "--config", file(t, "legate.yaml", c.file))
		}
		var errs strings.Builder
		p := &program{out: &errs, err: &errs, getenv: func(k string) string { return c.env[k] }}
		all := []*command{cmd}
		app := &urfave.App{Name: "legate", Commands: []*urfave.Command{cmd.build(p, all, "legate")}, ExitErrHandler: func(*urfave.Context, error) {}}
		err := app.Run(args)
		if c.fails != "" {
			if err == nil || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%s: %v, want %q", c.name, err, c.fails)
			}
			continue
		}
		lines := slices.Collect(strings.Lines(errs.String()))
		if err != nil || value != c.value || len(lines) != len(c.said) {
			t.Errorf("%s: %v, value %q, said %q", c.name, err, value, lines)
			continue
		}
		for i, want := range c.said {
			if !strings.HasPrefix(lines[i], "legate: warning: ") || !strings.Contains(lines[i], want) {
				t.Errorf("%s: said %q, want %q", c.name, lines[i], want)
			}
		}
		if c.name == "several by both names" && !slices.Equal(more, []string{"a", "b"}) {
			t.Errorf("%q", more)
		}
	}
}

// The page, and the log of a Legate that runs, say the same.
func TestALegateThatRunsSaysWhichOfItsSettingsHaveOtherNames(t *testing.T) {
	var value, path string
	var more []string
	settings := renamedCommand(&value, &more, &path).settings
	if err := resolve(settings, func(string) string { return "" }, nil); err != nil || renamedTrouble(settings, time.Time{}) != nil {
		t.Errorf("%v: none is used", err)
	}
	if err := resolve(settings, func(k string) string { return map[string]string{"TRY_COLOUR": "red"}[k] }, nil); err != nil {
		t.Fatal(err)
	}
	if got := renamedTrouble(settings, time.Time{}); got == nil || got.Kind != "renamed" || !strings.Contains(got.Detail, "$TRY_COLOUR is now called $TRY_COLOR") {
		t.Errorf("%+v", got)
	}
}

// An old name is never the name of another setting, and goes some day.
func TestFormerNamesAreNobodyElses(t *testing.T) {
	p := &program{getenv: func(string) string { return "" }}
	all := everySetting(p.commands())
	for _, s := range all {
		for _, was := range s.former {
			if was.gone == "" {
				t.Errorf("%s: a former name without an end", s.title())
			}
			for _, other := range all {
				if was.name != "" && was.name == other.name || was.env != "" && was.env == other.env || was.key != "" && was.key == other.key {
					t.Errorf("%s: a former name is that of %s", s.title(), other.title())
				}
			}
		}
	}
}
