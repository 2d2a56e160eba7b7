package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestWhatIsChanged(t *testing.T) {
	for code, want := range map[string][]string{
		"if a < b { f() }":          {"if a <= b { f() }", "if a >= b { f() }", "if a < b { if false { f() } }"},
		"return a == b && !ok":      {"return a != b && !ok", "return a == b || !ok", "return a == b && ok"},
		"if ok { return }":          {"if !ok { return }"},
		"if m.has(a) { return }":    {"if !(m.has(a)) { return }"},
		"x := true":                 {"x := false"},
		"n++":                       {"n--", "if false { n++ }"},
		"n += a * b":                {"n -= a * b", "n += a / b", "if false { n += a * b }"},
		"defer f()":                 {"if false { defer f() }"},
		"for range c { continue }":  {"for range c { if false { continue } }"},
		"switch { case ok: n = 1 }": {"switch { case !ok: n = 1 }", "switch { case ok: if false { n = 1 } }"},
		`s.log.Warn("as it is")`:    nil,
	} {
		found, err := find("x.go", []byte("package x\n\nfunc f() {\n"+code+"\n}\n"))
		if err != nil {
			t.Errorf("%s: %v", code, err)
		}
		var got []string
		for _, c := range found {
			if c.was != code || c.line != 4 {
				t.Errorf("%s: found %q in line %d", code, c.was, c.line)
			}
			got = append(got, c.is)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s:\ngot  %q\nwant %q", code, got, want)
		}
	}
}

func TestAStatementOfSeveralLinesIsLeftOutWhole(t *testing.T) {
	source := []byte("package x\n\nfunc f() {\n\tg(\n\t\t1,\n\t)\n}\n")
	found, err := find("x.go", source)
	if err != nil || len(found) != 1 {
		t.Fatalf("%v %+v", err, found)
	}
	if got := string(found[0].apply(source)); got != "package x\n\nfunc f() {\n\tif false { g(\n\t\t1,\n\t) }\n}\n" {
		t.Error(got)
	}
	want := "    - \tg(\n    - \t\t1,\n    - \t)\n    + \tif false { g(\n    + \t\t1,\n    + \t) }\n"
	if got := found[0].diff(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// A change that is switched on is the same as the change by itself, and switches on nothing else.
func TestAllChangesAreInOneSource(t *testing.T) {
	source := []byte("package x\n\nfunc f(a, b int) {\n\tfor a < b && !done() {\n\t\ta++\n\t}\n\treturn a * b\n}\n")
	found, err := find("x.go", source)
	if err != nil {
		t.Fatal(err)
	}
	some := map[int]change{}
	for i, c := range found {
		if c.form == alone {
			t.Errorf("%s needs a program of its own", c.is)
		}
		some[i+1] = c
	}
	got := string(switched(source, some))
	want := "package x\n\nfunc f(a, b int) {\n\tfor " +
		"(activeMutant == 3 && (a < b || !done()) || activeMutant != 3 && (" +
		"(activeMutant == 1 && (a <= b) || activeMutant != 1 && ((activeMutant == 2 && (a >= b) || activeMutant != 2 && (a < b))))" +
		" && (activeMutant == 4 && (done()) || activeMutant != 4 && (!done()))))" +
		" {\n\t\tif activeMutant != 5 { if activeMutant == 6 { a-- } else { a++ } }\n\t}\n" +
		"\tif activeMutant == 7 { return a / b } else { return a * b }\n}\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

const small = `package small

// Most is the larger number.
func Most(a, b int) int {
	if a > b {
		return a
	}
	return b
}

// Drain empties m.
func Drain(m map[int]bool, more func() bool) {
	for more() {
		clear(m)
	}
}

// Count counts to n.
func Count(n int) int {
	i := 0
	for i < n {
		i++
	}
	return i
}

// Never is what no test runs.
func Never() bool { return true }

// Sign has conditions that lie in no block of the coverage, and a case that no test comes to.
func Sign(n int) int {
	switch {
	case n < 0:
		n++
		return n * 0
	case n == 0:
		return 0
	}
	return 1
}
`

const smallTest = `package small

import "testing"

func TestMost(t *testing.T) {
	if Most(1, 2) != 2 || Most(2, 1) != 2 {
		t.Error("not the larger one")
	}
}

func TestCount(t *testing.T) {
	if Count(3) != 3 {
		t.Error("not 3")
	}
}

func TestSign(t *testing.T) {
	if Sign(2) != 1 {
		t.Error("not 1")
	}
}

func TestDrain(t *testing.T) {
	n := 0
	Drain(nil, func() bool { n++; return n < 3 })
}
`

// module writes a module with one package, and returns its folder.
func module(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module small\n\ngo 1.26.0\n", "small.go": small, "small_test.go": smallTest} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestWhatNoTestNoticesLowersTheScore(t *testing.T) {
	dir := module(t)
	none := filepath.Join(dir, "equivalent.txt")
	var out strings.Builder
	o := options{module: dir, pkg: ".", files: "*.go", equivalent: none, workers: 2, every: 1, timeout: 2 * time.Second, out: &out}
	// Noticed: a > b turned round, what is changed of Count, where two changes never end, and Sign's cases turned
	// round. Survive: a >= b, n <= 0, what is changed of Drain, and what no test runs.
	score, err := work(t.Context(), o)
	if err != nil || !strings.Contains(out.String(), "7 of 15 noticed: 46.7 % (5 by a failure, 2 because the tests hung); 4 survived, 4 are not covered") {
		t.Errorf("score %v, %v:\n%s", score, err, out.String())
	}
	if want := "\nsmall.go: 7 of 15 noticed: 46.7 %\n"; !strings.Contains(out.String(), want) {
		t.Errorf("want a line for each file, %s in\n%s", want, out.String())
	}
	if want := "small.go:14: survived\n    - \t\tclear(m)\n    + \t\tif false { clear(m) }\n"; !strings.Contains(out.String(), want) {
		t.Errorf("want %s in\n%s", want, out.String())
	}
	if err := os.WriteFile(none, []byte("# known\nsmall.go: both are the same then\n    - if a > b {\n    + if a >= b {\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if score, err = work(t.Context(), o); err != nil || score != 50 {
		t.Errorf("score %v, %v; want 7 of 14", score, err)
	}
	report := filepath.Join(dir, "report.txt")
	if err := os.WriteFile(report, []byte(out.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	again := o
	again.again = report
	if score, err = work(t.Context(), again); err != nil || score != 0 || !strings.Contains(out.String(), "0 of 7 noticed") {
		t.Errorf("score %v, %v; want none of the seven that survived and are none of the known:\n%s", score, err, out.String())
	}
	if now, err := os.ReadFile(filepath.Join(dir, "small.go")); err != nil || string(now) != small {
		t.Errorf("the tree was changed: %v\n%s", err, now)
	}
}

// Strings can be added but not subtracted: that alone does not compile, and the other changes are
// tried.
func TestWhatDoesNotCompileKeepsNothingElseFromBeingTried(t *testing.T) {
	dir := module(t)
	text := "package small\n\n// Join joins two texts.\nfunc Join(a, b string) string { return a + b }\n"
	if err := os.WriteFile(filepath.Join(dir, "text.go"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	test := strings.Replace(smallTest, "!= 2 ||", "!= 2 || Join(\"a\", \"b\") != \"ab\" ||", 1)
	if err := os.WriteFile(filepath.Join(dir, "small_test.go"), []byte(test), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	_, err := work(t.Context(), options{module: dir, pkg: ".", files: "*.go", workers: 2, every: 1, timeout: 2 * time.Second, out: &out})
	if err != nil || !strings.Contains(out.String(), "7 of 15 noticed") || !strings.Contains(out.String(), "and 1 do not compile") || strings.Contains(out.String(), "compile together") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestTestsThatFailAnywayAreSaid(t *testing.T) {
	dir := module(t)
	broken := strings.Replace(smallTest, "!= 2 ||", "!= 3 ||", 1)
	if err := os.WriteFile(filepath.Join(dir, "small_test.go"), []byte(broken), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := work(t.Context(), options{module: dir, pkg: ".", files: "*.go", workers: 1, every: 1})
	if err == nil || !strings.Contains(err.Error(), "TestMost fails on the code as it is") {
		t.Error(err)
	}
	if _, err := work(t.Context(), options{module: dir, pkg: ".", files: "nothing*.go", every: 1}); err == nil || !strings.Contains(err.Error(), "nothing can be changed") {
		t.Error(err)
	}
}

func TestAnEquivalentWithoutAReasonIsAMistake(t *testing.T) {
	file := filepath.Join(t.TempDir(), "equivalent.txt")
	if err := os.WriteFile(file, []byte("small.go\n    - a\n    + b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readEquivalent(file); err == nil || !strings.Contains(err.Error(), "no reason") {
		t.Error(err)
	}
}
