package demo

import "legate/internal/parts"

// sample is a service of the demo.
type sample struct {
	name    string
	weights []int // one for each instance: name-1, name-2, ...
}

// samples returns the services at the start of the story. They are never changed.
func samples() []sample {
	return []sample{
		{"web", []int{1, 2, 3}},
		{"api", []int{1, 1, 1}},
		{"news", []int{1, 1}},
	}
}

func sampleNames() (names []string) {
	for _, s := range samples() {
		names = append(names, s.name)
	}
	return names
}

// instance returns the registration of a backend as an instance.
func instance(service string, b *parts.Backend, weight int) parts.Instance {
	return parts.Instance{ID: b.Name, Service: service, Address: "127.0.0.1", Port: b.Port, Weight: weight}
}
