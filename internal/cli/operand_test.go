package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestWordsAndFlagsComeInAnyOrder(t *testing.T) {
	for _, c := range []struct {
		args     string
		min, max int
		want     string // words and the flag's values, or the error
	}{
		{"", 0, 9, "[] []"},
		{"a b", 0, 9, "[a b] []"},
		{"--x 1 a --x 2 b --x=3", 1, 9, "[a b] [1 2 3]"},
		{"a --x 1", 1, 1, "[a] [1]"},
		{"", 1, 1, `"legate try" needs WORD`},
		{"a b", 1, 1, `unexpected argument "b"`},
		{"a", 0, 0, `unexpected argument "a"`},
		{"a --y", 1, 1, `flag provided but not defined: -y`},
	} {
		var p program
		var words, values []string
		try := &command{
			name: "try", settings: []*setting{list(&values, setting{name: "x"})}, run: func(context.Context) error { return nil },
			operand: operand{"WORD", c.min, c.max, func(w []string) { words = w }},
		}
		app := p.app()
		app.Commands = append(app.Commands, try.build(&p, nil, "legate"))
		p.getenv = func(string) string { return "" }
		err := app.Run(slices.Concat([]string{"legate", "try"}, strings.Fields(c.args)))
		got := fmt.Sprint(words, " ", values)
		if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, c.want) {
			t.Errorf("%q: %s, want %s", c.args, got, c.want)
		}
	}
}

func TestAnOutcomeIsAnExitCodeWithoutAMessage(t *testing.T) {
	if code := exitCode(fmt.Errorf("x: %w", outcome(4))); code != 4 {
		t.Errorf("exit code %d", code)
	}
}
