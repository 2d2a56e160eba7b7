package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sync/errgroup"

	"legate/discovery"
	"legate/internal/admin"
	"legate/internal/bridge"
	"legate/metrics"
	"legate/translate"
	"legate/xdsserver"
)

// serveOptions are what "legate serve" can be told.
type serveOptions struct {
	config    string
	consul    discovery.Config
	translate translate.Config
	xds       xdsserver.Config
	listen    listenOptions
	log       logOptions
}

func (p *program) serve() *command {
	o := &serveOptions{
		consul:    discovery.DefaultConfig(),
		translate: translate.DefaultConfig(),
		xds:       xdsserver.DefaultConfig(),
	}
	o.xds.Identifier = hostname()
	c := &command{
		name:  "serve",
		usage: "watch Consul and serve its services to Envoy",
		about: `
Nothing is served before Consul was read completely. When Consul goes away, the last
known catalog is served until it is back. SIGTERM or Ctrl-C ends it cleanly within ten
seconds; a second one ends it at once.`,
		examples: `
# the agent on this machine, Envoys on this machine
legate serve

# HTTPS to Consul, a token from a file, only some services
legate serve --consul-addr https://consul.internal:8501 --consul-ca-file ca.pem \
    --consul-token-file /run/secrets/consul --include 'shop-*' --exclude '*-canary'

# settings from a file; flags and environment win over it
legate serve --config /etc/legate.yaml --log-level debug`,
		run: func(ctx context.Context) error { return p.runServe(ctx, o) },
	}
	c.settings = append(c.settings, consulSettings(&o.consul)...)
	c.settings = append(c.settings, serviceSettings(&o.consul)...)
	c.settings = append(c.settings, o.listen.settings()...)
	c.settings = append(c.settings, o.log.settings()...)
	c.settings = append(c.settings, configSetting(&o.config))
	return c
}

func (p *program) runServe(ctx context.Context, o *serveOptions) error {
	if err := errors.Join(o.consul.Validate(), o.xds.Validate(), o.listen.validate()); err != nil {
		return usageError{err}
	}
	log := o.log.logger(p.err)
	open, err := o.listen.open(ctx, log)
	if err != nil {
		return err
	}
	defer open.close()

	build := readBuild()
	m := metrics.New(build)
	watcher, err := discovery.New(o.consul, log, m.Consul)
	if err != nil {
		return err
	}
	o.xds.TLS = open.tls
	server, err := xdsserver.New(o.xds, log, m.XDS)
	if err != nil {
		return err
	}
	datacenter := func() string { return watcher.Status().Datacenter }
	carrier := bridge.New(o.translate, datacenter, server, log, m.Translate)
	people, err := admin.New(o.listen.people, admin.Rooms{Build: build, Consul: watcher, Bridge: carrier, XDS: server, Metrics: m.Handler()}, log)
	if err != nil {
		return err
	}

	signalled, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer context.AfterFunc(signalled, func() {
		log.Info("legate stops", "cause", context.Cause(signalled))
		stop() // so that a second signal ends the program at once
	})()

	log.Info("legate starts", "version", build.Version, "consul", watcher.Status().Address, "datacenter", o.consul.Datacenter,
		"xds", open.xds.Addr().String(), "rest", restAddr(open), "admin", o.listen.page(open))
	o.listen.warn(open, log)

	deltas := make(chan discovery.Delta)
	group, ctx := errgroup.WithContext(signalled)
	group.Go(func() error { return watcher.Run(ctx, deltas) })
	group.Go(func() error { return carrier.Run(ctx, deltas) })
	group.Go(func() error { return server.Run(ctx, open.xds, open.rest) })
	group.Go(func() error { return people.Run(ctx, open.admin...) })
	err = group.Wait()
	report(log, m.XDS.Totals())
	if err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// report says what was exchanged since the start, in the words of go-control-plane's example
// callbacks.
func report(log *slog.Logger, t metrics.Totals) {
	log.Info("legate stopped", "fetches", t.Fetches, "requests", t.Requests, "responses", t.Responses,
		"delta_requests", t.DeltaRequests, "delta_responses", t.DeltaResponses)
}

func restAddr(l listeners) string {
	if l.rest == nil {
		return "off"
	}
	return l.rest.Addr().String()
}
