package lastknown

import (
	"context"
	"fmt"
	"sync"
	"time"

	"legate/discovery/catalog"
)

// Run passes Deltas on, and has their catalog written, until the context is done. If the first
// Delta, which is complete, does not arrive within the grace period, Run sends the file's catalog
// instead. The first Delta then goes out as its difference from that. Run fails if Consul's agent
// turns out to be in another datacenter than the catalog that is already served.
func (s *Shelf) Run(ctx context.Context, consul func() Consul, in <-chan catalog.Delta, out chan<- catalog.Delta) error {
	end := s.startKeeper(ctx, consul)
	defer end()
	first, offer, err := s.awaitFirst(ctx, consul, in, out)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	s.known = catalog.Catalog{} // it may be large
	s.change(func(st *state) { st.read = true })
	s.keeper.add(catalog.Delta{Set: first.Set, Gone: offer.Gone, Entries: first.Entries, GoneEntries: offer.GoneEntries})
	if !send(ctx, offer, out) {
		return nil
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case d := <-in:
			s.keeper.add(d)
			if !send(ctx, d, out) {
				return nil
			}
		case <-s.rescoped:
			s.keeper.add(catalog.Delta{}) // the same catalog, written for another selection
		case <-s.hostsChanged:
			s.keeper.add(catalog.Delta{}) // the same catalog, written with new addresses
		}
	}
}

// startKeeper starts the keeper. The function that it returns has what is pending written, stops the
// keeper and waits for it. Without a folder nothing is written.
func (s *Shelf) startKeeper(ctx context.Context, consul func() Consul) (end func()) {
	if s.path == "" {
		return func() {}
	}
	s.keeper.write = func(c catalog.Catalog) error { return s.write(consul(), c) }
	s.keeper.renewed = func() bool { return consul().LastSuccess.After(s.Status().Written) }
	writing, stop := context.WithCancel(context.WithoutCancel(ctx))
	var keeping sync.WaitGroup
	keeping.Go(func() { s.keeper.run(writing) })
	return func() {
		select {
		case <-s.rescoped:
			s.keeper.add(catalog.Delta{})
		case <-s.hostsChanged:
			s.keeper.add(catalog.Delta{})
		default:
		}
		stop()
		keeping.Wait()
	}
}

// awaitFirst waits for Consul's first Delta. If that takes longer than the grace period, it serves the
// file's catalog. It returns the Delta as it came, and the part of it that has not been served yet;
// both are empty if ctx ended first.
func (s *Shelf) awaitFirst(ctx context.Context, consul func() Consul, in <-chan catalog.Delta, out chan<- catalog.Delta) (first, offer catalog.Delta, err error) {
	var late <-chan time.Time
	if s.atHand() {
		late = time.After(s.config.Grace)
	}
	for {
		select {
		case <-ctx.Done():
			return first, offer, nil
		case d := <-in:
			return d, d, nil
		case <-late:
			if agent := s.otherDatacenter(consul); agent != "" {
				s.rejectFile(agent)
				continue
			}
			if !send(ctx, catalog.Catalog{}.Diff(s.known), out) {
				return first, offer, nil
			}
			return s.awaitConsul(ctx, consul, in, out)
		case <-s.rescoped:
			s.reselect()
		}
	}
}

// awaitConsul waits for Consul while the file's catalog is served. It also watches which datacenter the
// agent reports: the agent does so before anything has been read, and even while its servers hang.
func (s *Shelf) awaitConsul(ctx context.Context, consul func() Consul, in <-chan catalog.Delta, out chan<- catalog.Delta) (first, offer catalog.Delta, err error) {
	began := time.Now()
	s.beginStale(consul())
	look := time.Tick(time.Second)
	for {
		arrived := false
		select {
		case <-ctx.Done():
			return first, offer, nil
		case first = <-in:
			arrived = true
		case <-s.rescoped:
			if d := s.reselect(); !d.Empty() && !send(ctx, d, out) {
				return first, offer, nil
			}
		case <-look:
		}
		if agent := s.otherDatacenter(consul); agent != "" {
			return first, offer, fmt.Errorf("serve last known catalog %q: it is of datacenter %q, and Consul's agent is in %q: start Legate again, it will serve %[3]q; "+
				"give each Legate a --state-dir of its own, and name its datacenter with --datacenter", s.path, s.header.Scope.Datacenter, agent)
		}
		if !arrived {
			continue
		}
		offer = s.known.Diff(catalog.Catalog{}.Apply(first))
		offer.Since = first.Since
		s.endStale(time.Since(began), len(offer.Set), len(offer.Gone))
		return first, offer, nil
	}
}

// reselect narrows the catalog from the file to the current selection, in memory and in the file,
// which keeps its date. It returns what changed.
func (s *Shelf) reselect() catalog.Delta {
	if !s.atHand() {
		return catalog.Delta{}
	}
	was := s.known
	s.known = s.scopeNow().selection().Of(was)
	s.change(func(st *state) {
		if st.stale {
			st.services = len(s.known.Services)
		}
	})
	s.keeper.add(catalog.Catalog{}.Diff(s.known))
	return was.Diff(s.known)
}

// otherDatacenter returns the datacenter of Consul's agent if it is not the file's, and "" otherwise. The
// agent may not have been reachable before.
func (s *Shelf) otherDatacenter(consul func() Consul) string {
	if dc := consul().Datacenter; dc != s.header.Scope.Datacenter {
		return dc
	}
	return ""
}

// rejectFile records that the file is not served because Consul's agent is in another datacenter.
func (s *Shelf) rejectFile(agent string) {
	text := fmt.Sprintf("it is of datacenter %q, and Consul's agent is in %q", s.header.Scope.Datacenter, agent)
	const remedy = "give each Legate a --state-dir of its own; it is replaced when Consul was read"
	s.change(func(st *state) { st.unusable = text + ": " + remedy })
	s.log.Warn("last known catalog is of another datacenter, going on without", "file", s.path, "error", text, "remedy", remedy)
}

// beginStale records that the file is served instead of Consul's catalog.
func (s *Shelf) beginStale(consul Consul) {
	s.change(func(st *state) { st.stale, st.believed, st.services = true, s.header.Believed, len(s.known.Services) })
	s.metrics.Stale(true)
	attrs := []any{"file", s.path, "services", len(s.known.Services), "believed", s.header.Believed,
		age(s.header.Believed, time.Now())}
	if consul.Problem != "" {
		attrs = append(attrs, "consul", consul.Problem, "remedy", consul.Remedy)
	}
	s.log.Warn("consul was not read in time, serving the last known catalog from disk", attrs...)
}

func (s *Shelf) endStale(after time.Duration, set, gone int) {
	s.change(func(st *state) { st.stale, st.believed, st.services = false, time.Time{}, 0 })
	s.metrics.Stale(false)
	s.log.Info("consul was read, the last known catalog is replaced", "stale_seconds", after.Round(time.Millisecond).Seconds(), "set", set, "gone", gone)
}

// write replaces the file. It logs the first failure, and the first success after one.
func (s *Shelf) write(consul Consul, c catalog.Catalog) error {
	h := Header{Scope: s.scopeNow(), Believed: consul.LastSuccess.UTC(), Hosts: s.hosts()}
	h.Scope.Datacenter = consul.Datacenter
	if !s.wasRead() { // data that comes from the file alone keeps its date
		h.Scope.Datacenter, h.Believed = s.header.Scope.Datacenter, s.header.Believed
	}
	h.Sites = s.sitesOf(c, h.Scope.Datacenter, consul.Sites)
	c = h.Scope.selection().Of(c) // discovery may still have the old selection
	began := time.Now()
	err := s.setAside()
	if err == nil {
		err = store(s.disk, s.path, h, c)
	}
	took := time.Since(began)
	s.metrics.Written(err == nil, took)
	if err != nil {
		text, remedy := err.Error(), writeRemedy(err)
		if s.change(func(st *state) { st.unwritten = text + ": " + remedy }) {
			s.log.Warn("last known catalog cannot be written", "file", s.path, "error", text, "remedy", remedy)
		}
		return err
	}
	s.metrics.Believed(h.Believed)
	if s.change(func(st *state) { st.unwritten, st.unusable = "", "" }) {
		s.log.Info("last known catalog is written again", "file", s.path)
	}
	s.change(func(st *state) { st.written = h.Believed })
	s.warnIfExposed()
	s.log.Debug("last known catalog is written", "file", s.path, "services", len(c.Services), "entries", len(c.Entries), "seconds", took.Seconds())
	return nil
}

// setAside keeps the file of a newer version, which would be replaced.
func (s *Shelf) setAside() error {
	if !s.newer {
		return nil
	}
	if err := s.disk.rename(s.path, s.path+newer); err != nil {
		return cause(err)
	}
	s.newer = false
	s.log.Info("last known catalog of a newer version is kept", "file", s.path+newer)
	return nil
}

// reportHang reports a write that does not end. Until it ends or fails, nothing else is written.
func (s *Shelf) reportHang(since time.Duration) {
	text := fmt.Sprintf("a write has been under way for %v", since)
	const remedy = "check that disk, or choose another --state-dir"
	s.change(func(st *state) { st.unwritten = text + ": " + remedy })
	s.log.Warn("last known catalog cannot be written", "file", s.path, "error", text, "remedy", remedy)
}

func send(ctx context.Context, d catalog.Delta, out chan<- catalog.Delta) bool {
	select {
	case out <- d:
		return true
	case <-ctx.Done():
		return false
	}
}
