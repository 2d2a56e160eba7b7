package catalog

import (
	"fmt"
	"strings"
	"time"
)

// Problem is something about Consul that a person should know.
type Problem struct {
	Kind     string    `json:"kind"`
	Since    time.Time `json:"since,omitzero"`
	Queries  int       `json:"queries,omitempty"`  // how many queries have it now
	Services int       `json:"services,omitempty"` // or how many services it concerns
	Detail   string    `json:"detail"`
	Remedy   string    `json:"remedy"`
}

// someNames is how many names a problem lists.
const someNames = 5

// SomeOf joins the first of n names, and says how many more there are.
func SomeOf(n int, name func(i int) string) string {
	some := make([]string, min(n, someNames))
	for i := range some {
		some[i] = name(i)
	}
	text := strings.Join(some, ", ")
	if more := n - len(some); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
