// Package interest knows which services somebody uses, so that Consul is asked for no others.
//
// It is told which names clients begin and cease to ask for, and keeps which services can be meant by those that are
// asked for. A name that nobody has costs a few bytes here while somebody asks for it, and Consul nothing.
package interest

import (
	"slices"
	"sync"

	"legate/discovery/catalog"
	"legate/internal/glob"
)

// Config says what is of interest.
type Config struct {
	// Always are patterns of the names of services that are of interest whoever asks.
	Always []string
	// NameOf is what clients call a service.
	NameOf func(catalog.ServiceKey) string
	// Named are the services that can be meant by a name, the one that is registered here under that very name first.
	Named func(name string) []catalog.ServiceKey
	// ReadBy are the names of the clusters that have to do with a service. Nil: only that of the service itself has.
	ReadBy func(catalog.ServiceKey) []string
	// Reads are the services that a cluster has to do with, as ReadBy says it of them. Nil: only the service itself.
	Reads func(cluster string) []catalog.ServiceKey
}

// Clients says which names clients ask for now.
type Clients interface {
	Asked(name string) bool
	AllAsked() []string
}

// Interest is what clients and the operator are interested in. It may be used from any goroutine.
type Interest struct {
	config  Config
	clients Clients

	mu    sync.RWMutex
	names map[string]struct{} // that are asked for
	users map[catalog.ServiceKey]int
}

// New knows of no clients yet.
func New(c Config, clients Clients) *Interest {
	return &Interest{config: c, clients: clients, names: map[string]struct{}{}, users: map[catalog.ServiceKey]int{}}
}

// Told takes in that clients may have begun or ceased to ask for names, and returns the services that these can mean.
// No names: any may have changed, and then no services are returned, which means any, too.
func (i *Interest) Told(names []string) (about []catalog.ServiceKey) {
	if len(names) == 0 {
		i.mu.Lock()
		defer i.mu.Unlock()
		clear(i.names)
		clear(i.users)
		for _, name := range i.clients.AllAsked() {
			i.note(name, true)
		}
		return nil
	}
	for _, name := range names {
		i.mu.Lock()
		about = append(about, i.note(name, i.clients.Asked(name))...)
		i.mu.Unlock()
		if i.config.Reads != nil {
			about = append(about, i.config.Reads(name)...)
		}
	}
	return about
}

// note needs the lock.
func (i *Interest) note(name string, asked bool) []catalog.ServiceKey {
	services := i.config.Named(name)
	if _, was := i.names[name]; was == asked {
		return services
	}
	by := 1
	if asked {
		i.names[name] = struct{}{}
	} else {
		by = -1
		delete(i.names, name)
	}
	for _, key := range services {
		if i.users[key] += by; i.users[key] == 0 {
			delete(i.users, key)
		}
	}
	return services
}

// In reports whether a service is of interest: clients ask for it by a name that can mean it, or for a cluster that
// has to do with it, or it is of interest always.
func (i *Interest) In(key catalog.ServiceKey) bool {
	if i.isAsked(key) || i.isAlways(i.config.NameOf(key)) {
		return true
	}
	if i.config.ReadBy == nil {
		return false
	}
	return slices.ContainsFunc(i.config.ReadBy(key), func(cluster string) bool { return i.isUsed(cluster) || i.isAlways(cluster) })
}

func (i *Interest) isAsked(key catalog.ServiceKey) bool {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return i.users[key] > 0
}

// isUsed reports whether clients ask for a cluster, or for a port of the service of that name.
func (i *Interest) isUsed(cluster string) bool {
	services := i.config.Named(cluster)
	return len(services) > 0 && i.isAsked(services[0])
}

func (i *Interest) isAlways(name string) bool {
	return slices.ContainsFunc(i.config.Always, func(pattern string) bool { return glob.Match(pattern, name) })
}
