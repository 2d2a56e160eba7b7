package admin

import "strings"

// Concern is something that an operator should look at.
type Concern struct {
	Severity string `json:"severity"` // critical or warning
	What     string `json:"what"`
	Detail   string `json:"detail,omitempty"`
	Remedy   string `json:"remedy,omitempty"`
}

// Concerns lists what the overview page shows to look at, critical ones first, except what clients reject: their
// nodes say that.
func (s Status) Concerns() []Concern {
	all := []Concern{} // [] in JSON, not null
	for _, c := range concernsOf(s) {
		if !strings.HasPrefix(c.Key, "rejected/") && !strings.HasPrefix(c.Key, "lost/") {
			all = append(all, Concern{string(c.Severity), c.What.String(), c.Detail, c.Remedy})
		}
	}
	return all
}
