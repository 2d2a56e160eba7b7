package catalog

import "testing"

// Names are listed up to some, and the rest is counted.
func TestNamesOfAProblemAreFew(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e", "f", "g"}
	for n, want := range map[int]string{0: "", 1: "a", 2: "a, b", 5: "a, b, c, d, e", 6: "a, b, c, d, e and 1 more", 7: "a, b, c, d, e and 2 more"} {
		if got := SomeOf(n, func(i int) string { return names[i] }); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
