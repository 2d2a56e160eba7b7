package demo

import "legate/internal/parts"

// sample is a service that the demo brings along.
type sample struct {
	name    string
	weights []int // one for each instance: name-1, name-2, ...
}

// samples are the services at the story's begin. Nobody changes them.
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

// instance is what Consul is told of an instance that the backend is.
func instance(service string, b *parts.Backend, weight int) parts.Instance {
	return parts.Instance{ID: b.Name, Service: service, Address: "127.0.0.1", Port: b.Port, Weight: weight}
}
