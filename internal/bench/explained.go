package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"legate/discovery"
	"legate/discovery/catalog"
	"legate/internal/admin"
	"legate/internal/bridge"
	"legate/internal/changes"
	"legate/internal/lastknown"
	"legate/translate"
)

// Names of contenders that are Legate with more around its server.
const (
	bridgedName   = "bridged"   // changes come through the bridge
	explainedName = "explained" // and are recorded and logged, as "legate serve" does
	watchedName   = "watched"   // and ten browsers have the page open
)

// bridged is Legate with what stands between discovery and its server.
type bridged struct {
	*legate
	bridge   *bridge.Bridge
	record   *changes.Record // nil: nothing is recorded
	deltas   chan catalog.Delta
	browsers int
	log      *slog.Logger
}

func newBridged(record bool, browsers int) (*bridged, error) {
	l, err := newLegate()
	if err != nil {
		return nil, err
	}
	b := &bridged{legate: l, deltas: make(chan catalog.Delta, 1), browsers: browsers, log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	b.bridge = bridge.New(translate.DefaultConfig(), func() string { return datacenter }, l.server, b.log, l.metrics.Translate)
	if record {
		b.record = changes.New()
		b.bridge.Record(b.record)
	}
	return b, nil
}

func (b *bridged) prepare(s step) (func() error, error) {
	return func() error { b.deltas <- s.delta; return nil }, nil
}

func (b *bridged) run(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all sync.WaitGroup
	defer all.Wait()
	errs := make(chan error, 3)
	start := func(run func() error) {
		all.Go(func() {
			defer cancel() // all end with the first one
			errs <- run()
		})
	}
	start(func() error { return b.bridge.Run(ctx, b.deltas) })
	start(func() error { return b.legate.run(ctx, l) })
	if b.record != nil {
		all.Go(func() { b.record.Tell(ctx, b.log, admin.Sends(b.server)) })
	}
	if b.browsers > 0 {
		page, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		people, err := admin.New(admin.DefaultConfig(), b.rooms(), b.log, b.metrics.Admin)
		if err != nil {
			return err
		}
		start(func() error { return people.Run(ctx, page) })
		for n := range b.browsers {
			all.Go(func() {
				browse(ctx, "http://"+page.Addr().String(), pages[n%len(pages)], func() bool { return b.bridge.State().Ready() })
			})
		}
	}
	<-ctx.Done()
	all.Wait()
	close(errs)
	var err error
	for e := range errs {
		if !errors.Is(e, context.Canceled) {
			err = cmp.Or(err, e)
		}
	}
	return err
}

func (b *bridged) rooms() admin.Rooms {
	return admin.Rooms{
		Consul: noConsul{}, Bridge: b.bridge, XDS: b.server, Changes: b.record, LastKnown: noLastKnown{},
		Own: func() []admin.Trouble { return nil }, Slowest: b.metrics.XDS.Slowest, Moves: b.metrics.XDS.Moves, Metrics: b.metrics.Handler(), Stopping: func() bool { return false },
	}
}

type noConsul struct{}

func (noConsul) Status() discovery.Status { return discovery.Status{} }
func (noConsul) Asked() discovery.Asked   { return discovery.Asked{} }
func (noConsul) Holds() []discovery.Hold  { return nil }

type noLastKnown struct{}

func (noLastKnown) Status() lastknown.Status { return lastknown.Status{} }

// pages are those that browsers have open.
var pages = []string{"/", "/services", "/nodes", "/changes", "/services/" + nameOf(0)}

// browse reads a page as a browser does that has it open: first when there is something to show, and then each time that
// Legate says that something has changed, until the context is done.
func browse(ctx context.Context, host, page string, ready func() bool) {
	for ctx.Err() == nil && !ready() {
		time.Sleep(10 * time.Millisecond)
	}
	show := func() error {
		return read(ctx, host+page, func(body io.Reader) error {
			_, err := io.Copy(io.Discard, body)
			return err
		})
	}
	err := show()
	if err == nil {
		err = read(ctx, host+"/events", func(body io.Reader) error {
			lines := bufio.NewScanner(body)
			for lines.Scan() {
				if lines.Text() != "event: changed" {
					continue
				}
				if err := show(); err != nil {
					return err
				}
			}
			return cmp.Or(lines.Err(), errors.New("the stream has ended"))
		})
	}
	if err != nil && ctx.Err() == nil {
		panic(err) // nothing would be measured
	}
}

// read has an answer of 200 read.
func read(ctx context.Context, url string, all func(io.Reader) error) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, answer.Status)
	}
	return all(answer.Body)
}
