package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"legate/discovery"
	"legate/discovery/catalog"
	dns "legate/discovery/resolve"
	"legate/internal/admin"
	"legate/internal/bridge"
	"legate/internal/changes"
	"legate/internal/lastknown"
	"legate/internal/register"
	"legate/internal/tracing"
	"legate/metrics"
	"legate/translate"
	"legate/xdsserver"
)

// serveOptions are the options of "legate serve".
type serveOptions struct {
	config    string
	consul    discovery.Config
	follow    followOptions
	state     lastknown.Config
	translate translate.Config
	policy    string
	rollout   time.Duration
	resolve   dns.Config
	xds       xdsserver.Config
	memory    memoryOptions
	listen    listenOptions
	register  registerOptions
	log       logOptions
}

func (p *program) serve() *command {
	c, o := p.serveCommand()
	c.run = func(ctx context.Context) error { return p.runServe(ctx, c, o) }
	return c
}

func (p *program) serveCommand() (*command, *serveOptions) {
	o := &serveOptions{
		consul:    discovery.DefaultConfig(),
		follow:    followOptions{which: followAll},
		state:     lastknown.DefaultConfig(),
		translate: translate.DefaultConfig(),
		rollout:   bridge.DefaultRollout,
		resolve:   dns.DefaultConfig(),
		xds:       xdsserver.DefaultConfig(),
	}
	o.xds.Identifier = hostname()
	c := &command{
		name:  "serve",
		usage: "watch Consul and serve its services to Envoy",
		about: `
Nothing is served before Consul has been read completely. While Consul is away, the last
believed catalog stays served; with --state-dir also after a restart.

On SIGTERM or Ctrl-C, Legate removes its registration in Consul (--register), and /readyz
and the health service say at once that it stops.
Streams stay served for --drain-delay, and are then closed over at most --drain-spread.
By default this takes at most 30 seconds, and no time if no client is connected. A
second signal ends Legate at once.

A changed --config file is applied a few seconds later, or at once on SIGHUP. A file
with a mistake is not applied at all, and log, page and /readyz name the mistake.
--include, --exclude, --tag, --mass-critical, --policy-rollout and --log-level take
effect without a restart; other changed settings are named, and need one. The policy
of --policy is read again in the same way. "legate check config" finds mistakes
beforehand.
` + aboutTraces,
		examples: `
# the agent on this machine, Envoys on this machine
legate serve

# HTTPS to Consul, a token from a file, only some services
legate serve --consul-addr https://consul.internal:8501 --consul-ca-file ca.pem \
    --consul-token-file /run/secrets/consul --include 'shop-*' --exclude '*-canary'

# Envoys of this machine over a unix socket, Prometheus from elsewhere
legate serve --xds-listen unix:///run/legate/xds.sock --xds-socket-group envoy \
    --metrics-listen 0.0.0.0:18003

# settings from a file; flags and environment win over it
legate serve --config /etc/legate.yaml --log-level debug`,
	}
	c.settings = append(c.settings, consulSettings(&o.consul)...)
	c.settings = append(c.settings, siteSettings(&o.consul)...)
	c.settings = append(c.settings, serviceSettings(&o.consul)...)
	c.settings = append(c.settings, followSettings(&o.follow, &o.consul, &o.xds)...)
	c.settings = append(c.settings, hostSettings(&o.resolve, &o.translate)...)
	c.settings = append(c.settings, policySetting(&o.policy), rolloutSetting(&o.rollout))
	c.settings = append(c.settings, o.listen.settings()...)
	c.settings = append(c.settings, o.register.settings()...)
	c.settings = append(c.settings, clientStatusSetting(&o.xds.ClientStatus))
	c.settings = append(c.settings, o.memory.settings()...)
	c.settings = append(c.settings, limitSettings(&o.xds)...)
	c.settings = append(c.settings, drainSettings(&o.xds.Drain)...)
	c.settings = append(c.settings, stateSettings(&o.state)...)
	c.settings = append(c.settings, guardSettings(&o.consul)...)
	c.settings = append(c.settings, o.log.settings()...)
	c.settings = append(c.settings, configSetting(&o.config))
	return c, o
}

func (o *serveOptions) validate() error {
	if err := errors.Join(o.consul.Validate(), o.follow.validate(), o.resolve.Validate(), o.xds.Validate(), o.listen.validate(), o.register.validate()); err != nil {
		return usageError{err}
	}
	return nil
}

func (p *program) runServe(ctx context.Context, c *command, o *serveOptions) error {
	if err := o.validate(); err != nil {
		return err
	}
	config, rules := watchConfig(o.config), watch(o.policy, policyBytes)
	policies, err := loadPolicy(o.policy)
	if err != nil {
		return err
	}
	log, bounded := o.log.logger(p.err, p.getenv)
	defer bounded.Flush()
	warnOfExposed(c.settings, log)
	warnOfRenamed(c.settings, log)
	o.memory.apply(&o.xds, p.getenv, os.ReadFile, log)
	hup, stopHangups := hangups()
	defer stopHangups()
	o.divideFiles(log)
	open, err := o.listen.open(ctx, log)
	if err != nil {
		return err
	}
	defer open.close()

	build := readBuild()
	m := metrics.New(build)
	m.Process.Certificate("xds", open.tls.Expires)
	m.Process.Certificate("admin", open.people.Expires)
	watcher, err := discovery.NewFederation(o.consul, log, m.Consul)
	if err != nil {
		return err
	}
	o.xds.TLS = open.tls.Config()
	server, err := xdsserver.New(o.xds, log, m.XDS)
	if err != nil {
		return err
	}
	o.state.Dir, o.state.Scope = stateDir(o.state.Dir, p.getenv), scopeOf(o.consul)
	o.translate.Remote = o.consul.RemoteServices == discovery.RemoteAll
	o.state.WithoutEntries, o.state.Follows = !o.consul.Watch.Entries, o.consul.Follows
	shelf := lastknown.New(o.state, log, m.LastKnown)
	known := shelf.Load()
	watcher.Seed(shelf.Datacenter(), known, shelf.Sites())
	resolver := dns.New(o.resolve, log, m.Resolve)
	resolver.Seed(shelf.Hosts())
	if o.translate.Resolved {
		shelf.KeepHosts(resolver.Addresses, resolver.Moved())
	}
	o.listen.openSocket(&open, o.state.Dir, log)
	watcher.Prefer(server.Wanted)
	datacenter := func() string { return cmp.Or(watcher.Datacenter(), shelf.Datacenter()) }
	carrier := bridge.New(o.translate, datacenter, server, log, m.Translate)
	resources := func() translate.Resources { return carrier.State().Resources }
	followed := o.follow.follow(watcher, server, o.translate, datacenter, resources, o.xds.FirstAnswerWait)
	watcher.Need(func(key catalog.ServiceKey) bool { return resources().Needs(key) && followed.wants(key) })
	carrier.OnInterest(watcher.Reconsider)
	carrier.OnServed(watcher.Served)
	carrier.Await(o.consul.SiteWait, func(r translate.Resources) bool {
		return watcher.Awaits(func(key catalog.ServiceKey) bool { _, has := r.Service(key); return has })
	})
	carrier.AwaitRead(o.consul.SiteWait, watcher.Unread)
	carrier.Spread(o.rollout)
	carrier.Adopt(policies)
	record := changes.New()
	carrier.Record(record)
	m.XDS.ChangeIDs(func(o metrics.Origin) string { return record.WhatPublished(o.Name, time.Unix(0, o.Published)).String() })
	watcher.TellHolds(recordHolds(record))
	traces, err := p.tracer(ctx, tracing.Rooms{Changes: record, Arrivals: server.Arrivals, Datacenter: datacenter}, log, build.Version, m.Traces)
	if err != nil {
		return err
	}
	registered, err := o.registration(open, register.Rooms{
		Facts: func() register.Facts { return register.Facts{Version: build.Version, Datacenter: datacenter()} },
		Ready: func() bool { return carrier.State().Ready() && !shelf.Status().Expired },
	}, log, m.Process)
	if err != nil {
		return err
	}
	life := newLife(ctx, func(cause error) {
		log.Info("legate stops", "cause", cause, "streams", len(server.Streams()),
			"drain_delay", o.xds.Drain.Delay.String(), "drain_spread", o.xds.Drain.Spread.String())
		registered.end()
	})
	defer life.end()
	notify := notifier(log)
	isReady := func() bool { return carrier.State().Ready() }
	reload := &reloader{program: p, changes: record, running: c, config: config, policy: rules, policies: policies, hup: hup, log: log, metrics: m.Process, notify: notify, ready: isReady, renamed: renamedTrouble(c.settings, time.Now()), adopt: carrier.Adopt, apply: func(next *serveOptions) {
		o.log.now.Set(next.log.severity())
		consul := o.consul.Selecting(next.consul.Selection())
		watcher.Select(consul.Selection())
		watcher.MassCritical(next.consul.Guard.MassCritical)
		carrier.Spread(next.rollout)
		shelf.Rescope(scopeOf(consul))
	}}
	o.listen.people.TLS, o.listen.people.Hosts = open.people.Config(), o.listen.names()
	o.listen.people.Socket = open.socket
	var hostNames func() dns.Status
	if o.translate.Resolved {
		hostNames = resolver.Status
	}
	people, err := admin.New(o.listen.people, admin.Rooms{Build: build, Consul: watcher, Unfollowed: followed.unfollowed, HostNames: hostNames, Bridge: carrier, XDS: server,
		LastKnown: shelf, Changes: record, Metrics: m.Handler(), Stopping: life.stopping, Slowest: m.XDS.Slowest, Moves: m.XDS.Moves, Registration: registered.status,
		Own: func() []admin.Trouble {
			return slices.Concat(reload.troubles(), open.troubles(), registered.troubles(), hostTroubles(resolver.Status()))
		},
		Actions: map[string]http.Handler{admin.ReleasePath: admin.ReleaseHolds(watcher)}}, log, m.Admin)
	if err != nil {
		return usageError{fmt.Errorf("--admin-token-file: %w", err)}
	}

	log.Info("legate starts", "version", build.Version, "consul", watcher.Status().Address, "datacenter", o.consul.Consul.Datacenter,
		"xds", addressOf(open.xds), "rest", addressOf(open.rest), "admin", o.listen.page(open), "metrics", addressOf(open.metrics), "admin_socket", cmp.Or(open.socket, "off"))
	o.listen.warn(open, log)

	believed, kept, deltas := make(chan catalog.Delta), make(chan catalog.Delta), make(chan catalog.Delta)
	if !o.translate.Resolved {
		kept = deltas
	}
	group := life.group
	group.Go(func() error { bounded.Run(life.working); return nil })
	if traces != nil {
		record.Trace(func(id changes.ID) string { return tracing.TraceID(id).String() })
		group.Go(func() error { return traces.Run(life.working) })
	}
	group.Go(func() error { record.Tell(life.working, log, admin.Sends(server)); return nil })
	supervise := supervision{notify: notify, alive: carrier.Alive, ready: isReady, words: people.Readiness}
	group.Go(func() error { return reload.run(life.working) })
	group.Go(func() error { return supervise.run(life.serving, life.working) })
	group.Go(func() error { return watcher.Run(life.working, believed) })
	group.Go(func() error {
		return shelf.Run(life.working, func() lastknown.Consul { return consulNow(watcher.Status()) }, believed, kept)
	})
	if o.translate.Resolved {
		group.Go(func() error { return resolver.Run(life.working, kept, deltas) })
	}
	group.Go(func() error { return carrier.Run(life.working, deltas) })
	group.Go(func() error { return registered.run(life.working) })
	group.Go(func() error { open.tls.Run(life.working, server.CertificateEnds); return nil })
	group.Go(func() error {
		open.people.Run(life.working, func(client net.Addr, why error) {
			log.Warn("a connection to the admin listener is closed", "peer", client.String(), "error", why)
		})
		return nil
	})
	group.Go(func() error { return people.Run(life.working, open.admin...) })
	group.Go(func() error { return people.RunMetrics(life.working, open.metrics) })
	group.Go(func() error {
		defer life.end()
		return server.Run(life.serving, open.xds, open.rest)
	})
	group.Go(func() error {
		select {
		case <-server.FirstRequest():
			log.Info("first client has asked", "page", o.listen.page(open))
		case <-life.working.Done():
		}
		return nil
	})
	err = life.wait()
	report(log, m.XDS.Totals())
	if err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// report logs what was exchanged since the start, in the terms of go-control-plane's example
// callbacks.
func report(log *slog.Logger, t metrics.Totals) {
	log.Info("legate stopped", "fetches", t.Fetches, "requests", t.Requests, "responses", t.Responses,
		"delta_requests", t.DeltaRequests, "delta_responses", t.DeltaResponses)
}
