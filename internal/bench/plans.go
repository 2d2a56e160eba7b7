package main

import "math/rand/v2"

// Ways to subscribe.

// deltaWildcard subscribes to all assignments with "*".
func deltaWildcard(fleet) func(int) plan {
	p := plan{delta: true, wants: []want{{kind: assignments, wildcard: []string{"*"}}}}
	return func(int) plan { return p }
}

// sotwNames names all assignments, as Envoy does on a state-of-the-world stream.
func sotwNames(f fleet) func(int) plan {
	p := plan{wants: []want{f.named(false, assignments, f.all())}}
	return func(int) plan { return p }
}

// deltaEnvoy subscribes as Envoy does: to all clusters, then to the assignment of each by name.
func deltaEnvoy(f fleet) func(int) plan {
	p := plan{delta: true, wants: []want{{kind: clusters}, f.named(true, assignments, f.all())}}
	p.wants[1].waits = true
	return func(int) plan { return p }
}

// sotwEnvoy is deltaEnvoy on a state-of-the-world stream.
func sotwEnvoy(f fleet) func(int) plan {
	p := plan{wants: []want{{kind: clusters}, f.named(false, assignments, f.all())}}
	p.wants[1].waits = true
	return func(int) plan { return p }
}

// comingBack is deltaEnvoy for a client that reconnects and holds everything already. It subscribes
// to both types at once, since it knows what it wants.
func comingBack(f fleet, held *versions) func(int) plan {
	p := deltaEnvoy(f)(0)
	p.wants[1].waits = false
	p.held = held
	return func(int) plan { return p }
}

// Sizes of [fewNames]: one of the hot services, and some others.
const (
	hotServices = 10
	named       = 5
)

// fewNames names five assignments on each stream: one of the first ten services, so that a tenth of
// the streams shares it, and four others. No stream names the last service.
func fewNames(delta bool) func(fleet) func(int) plan {
	return func(f fleet) func(int) plan {
		return func(stream int) plan {
			services := []int{stream % hotServices}
			others := f.Services - hotServices - 1
			for n := range named - 1 {
				services = append(services, hotServices+(stream*(named-1)+n)%others)
			}
			return plan{delta: delta, wants: []want{f.named(delta, assignments, services)}}
		}
	}
}

// named subscribes to services by name, in random order, as Envoy does.
func (f fleet) named(delta bool, kind int, services []int) want {
	names := make([]string, len(services))
	for n, at := range rand.New(rand.NewPCG(1, uint64(len(services)))).Perm(len(services)) {
		names[n] = nameOf(services[at])
	}
	return want{kind: kind, services: services, names: encodeNames(delta, names...)}
}
