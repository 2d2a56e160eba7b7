package quote

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// evil are texts that do something where they are shown as they are.
var evil = []string{
	"\x1b[31mred", "bell\a", "two\nlines", "back\rover", "c1\u009b31m", "raw\x9b31m", "turned\u202egnp.exe",
	"zero\u200bwidth", "line\u2028separator", "tag\U000e0041", "\x7f", "nul\x00", "half\xe2\x80", strings.Repeat("\u202e", 5000),
	strings.Repeat("\x1b", 4<<20),
}

func fit(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

func TestNamesAndSentencesAreOneLineOfPrintableCharactersAndNotLong(t *testing.T) {
	for _, s := range evil {
		if got := Name(s); !fit(got) || !strings.HasPrefix(got, `"`) || len(got) > 4*NameBytes+40 {
			t.Errorf("Name(%.20q): %d bytes, %.60q", s, len(got), got)
		}
		if got := Text(s, TextBytes); !fit(got) || len(got) > 4*TextBytes+40 {
			t.Errorf("Text(%.20q): %d bytes, %.60q", s, len(got), got)
		}
	}
}

func TestWhatIsFitStaysAsItIs(t *testing.T) {
	for _, s := range []string{"", "web.dc1", "n1/web-1", "größe", "サービス", "a:b@c", `back\slash`} {
		if got := Name(s); got != s {
			t.Errorf("Name(%q) = %q", s, got)
		}
	}
	if s := `port 0: "x" is \ no port, größe`; Text(s, TextBytes) != s {
		t.Errorf("%q", Text(s, TextBytes))
	}
	for s, want := range map[string]string{
		"a b": `"a b"`, `a"b`: `"a\"b"`, "a\nb": `"a\nb"`, "w\x1b[31m\u202eb": `"w\x1b[31m\u202eb"`, "\x9b": `"\x9b"`,
	} {
		if got := Name(s); got != want {
			t.Errorf("Name(%q) = %s, want %s", s, got, want)
		}
	}
	if got := Text("a\nb\x1b\x9b\u202ec", TextBytes); got != `a\nb\x1b\x9b\u202ec` {
		t.Errorf("%s", got)
	}
}

func TestWhatIsCutSaysHowLongItWas(t *testing.T) {
	if got := Cut(strings.Repeat("é", 10), 5); got != "éé… (20 bytes)" {
		t.Errorf("%q", got)
	}
	if got := Cut("abcde", 5); got != "abcde" {
		t.Errorf("%q", got)
	}
	if got := Cut(strings.Repeat("\x80", 9), 5); got != "\x80\x80… (9 bytes)" && len(got) > 20 {
		t.Errorf("%q", got)
	}
	if got, want := Name(strings.Repeat("a", 300)), strings.Repeat("a", NameBytes)+"… (300 bytes)"; got != want {
		t.Errorf("%q", got)
	}
}

func TestJSONMeansTheSameAndHidesNothing(t *testing.T) {
	for _, s := range evil {
		text, err := json.MarshalIndent(map[string]string{"a": s[:min(len(s), 999)]}, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		var before, after map[string]string
		got := JSON(text)
		if json.Unmarshal(text, &before) != nil || json.Unmarshal(got, &after) != nil {
			t.Fatalf("%.40q is no JSON any more: %.80q", s, got)
		}
		for k, v := range before {
			if after[k] != v {
				t.Errorf("%.40q became %.40q", v, after[k])
			}
		}
		if !fit(strings.NewReplacer("\n", "", "\t", "").Replace(string(got))) {
			t.Errorf("%.80q", got)
		}
	}
}

func FuzzWhatIsShownIsFit(f *testing.F) {
	for _, s := range evil[:len(evil)-2] {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !fit(Name(s)) || !fit(Text(s, 50)) || len(Name(s)) > 4*NameBytes+40 || len(Cut(s, 50)) > 80 {
			t.Errorf("%q: %q, %q", s, Name(s), Text(s, 50))
		}
	})
}
