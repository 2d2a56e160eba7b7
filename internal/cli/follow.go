package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"legate/discovery"
	"legate/discovery/catalog"
	"legate/internal/interest"
	"legate/translate"
	"legate/xdsserver"
)

// What --follow can be.
const (
	followAll    = "all"
	followWanted = "wanted"
)

// followOptions say which of the services that Consul lists are followed.
type followOptions struct {
	which  string
	always []string // patterns
}

// followSettings are those options, and how long clients wait for what is read for them.
func followSettings(o *followOptions, c *discovery.Config, x *xdsserver.Config) []*setting {
	const category = "Services"
	return []*setting{
		choice(&o.which, []string{followAll, followWanted}, setting{
			name: "follow", env: "LEGATE_FOLLOW", key: "services.follow", category: category,
			usage: "Which services to read in Consul: all, or those that a client asks for by name (static EDS clusters, on-demand CDS, gRPC) or --follow-services lists. " +
				"With wanted, a Legate beside each client costs Consul what the clients use. Clients that ask for all clusters get what is followed, and no more.",
		}),
		list(&o.always, setting{
			name: "follow-services", env: "LEGATE_FOLLOW_SERVICES", key: "services.follow_services", category: category, hint: "GLOB",
			usage: "With --follow wanted, services to follow whoever asks, by patterns as in --include.",
		}),
		duration(&c.Linger, 0, 30*24*time.Hour, setting{
			name: "follow-linger", env: "LEGATE_FOLLOW_LINGER", key: "services.follow_linger", category: category, hint: "SPAN",
			usage: "With --follow wanted, how long a service is followed that nobody asks for any more; after a start, how long those of the last run are.",
		}),
		duration(&x.FirstAnswerWait, 0, time.Minute, setting{
			name: "first-answer-wait", env: "LEGATE_FIRST_ANSWER_WAIT", key: "xds.first_answer_wait", category: category, hint: "SPAN",
			usage: "With --follow wanted, how long the first answer for a name waits at most while its service is read. Then the answer is that there is nothing, and what comes later is sent as a change.",
		}),
	}
}

func (o *followOptions) validate() error {
	if o.which != followWanted && len(o.always) > 0 {
		return errors.New("--follow-services lists what is followed beside what clients ask for: it needs --follow wanted")
	}
	for _, pattern := range o.always {
		if strings.TrimSpace(pattern) == "" {
			return fmt.Errorf("--follow-services %q: is empty and would match nothing; use * for every service", pattern)
		}
	}
	return nil
}

// following is what follows from the options.
type following struct {
	wants      func(catalog.ServiceKey) bool // what clients ask for, or the operator lists
	unfollowed func(name string) bool        // it is that of a service which is listed and not followed; nil: all are
}

// follow connects discovery with the clients: only services that they ask for are followed, and first answers wait
// for that. Call it before either runs.
func (o *followOptions) follow(watcher *discovery.Federation, server *xdsserver.Server, t translate.Config, datacenter func() string,
	resources func() translate.Resources, wait time.Duration) following {
	if o.which != followWanted {
		return following{wants: func(catalog.ServiceKey) bool { return true }}
	}
	named := func(name string) []catalog.ServiceKey {
		t := t
		t.Datacenter = datacenter()
		return t.Named(name)
	}
	i := interest.New(interest.Config{
		Always: o.always,
		Named:  named,
		NameOf: func(key catalog.ServiceKey) string { return catalog.Site{Datacenter: datacenter()}.NameOf(key) },
		ReadBy: func(key catalog.ServiceKey) []string { return resources().ReadBy(key) },
		Reads:  func(cluster string) []catalog.ServiceKey { return slices.Concat(resources().Reads(cluster)) },
	}, server)
	var located sync.Once
	wants := func(key catalog.ServiceKey) bool { // is asked when Legate knows where it is, and with it what names stand for
		located.Do(func() { i.Told(nil) })
		return i.In(key)
	}
	watcher.Follow(wants)
	server.TellAsked(func(names []string) { watcher.Reconsider(i.Told(names)...) })
	server.Expect(func(name string) xdsserver.Expected {
		keys, folded := resources().Reads(name)
		keys = append(named(name), keys...)
		for _, key := range folded {
			keys = append(keys, watcher.Spelled(key)...)
		}
		return expected(keys, watcher.Interest, wait)
	})
	return following{wants: wants, unfollowed: func(name string) bool {
		return slices.ContainsFunc(named(name), func(key catalog.ServiceKey) bool {
			is := watcher.Interest(key)
			return is.Listed && !is.Followed
		})
	}}
}

// expected says what is to be expected of a name that stands for these services, or is served from them. wait is how long
// one that was read may be on its way.
func expected(keys []catalog.ServiceKey, interest func(catalog.ServiceKey) discovery.Interest, wait time.Duration) xdsserver.Expected {
	soon := xdsserver.Nothing
	for _, key := range keys {
		switch is := interest(key); {
		case is.Unread():
			return xdsserver.Unread
		case is.ReadWithin(wait):
			soon = xdsserver.Soon
		}
	}
	return soon
}
