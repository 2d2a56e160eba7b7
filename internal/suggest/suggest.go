// Package suggest names the word that somebody probably meant.
package suggest

import (
	"fmt"
	"strings"
)

// DidYouMean returns ": did you mean …?" with the known word nearest to the given one, or "" if
// none is near.
func DidYouMean(given string, known []string) string {
	best := Nearest(given, known)
	if best == "" {
		return ""
	}
	return fmt.Sprintf(": did you mean %q?", best)
}

// Nearest returns the known word nearest to the given one, or "" if none is near. It costs the length of the
// given word times that of all known ones.
func Nearest(given string, known []string) string {
	best, at := "", 1+max(2, len(given)/3)
	for _, k := range known {
		if d := distance(strings.ToLower(given), strings.ToLower(k)); d < at {
			best, at = k, d
		}
	}
	return best
}

// distance returns how many characters must be inserted, deleted, replaced, or swapped with their
// neighbour to turn a into b (the optimal string alignment distance).
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	rows := [3][]int{make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		before, above, row := rows[(i+1)%3], rows[(i+2)%3], rows[i%3]
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return rows[len(x)%3][len(y)]
}
