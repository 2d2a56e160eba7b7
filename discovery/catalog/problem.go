package catalog

import "time"

// Problem is something about Consul that a person should know.
type Problem struct {
	Kind     string    `json:"kind"`
	Since    time.Time `json:"since,omitzero"`
	Queries  int       `json:"queries,omitempty"`  // how many queries have it now
	Services int       `json:"services,omitempty"` // or how many services it concerns
	Detail   string    `json:"detail"`
	Remedy   string    `json:"remedy"`
}
