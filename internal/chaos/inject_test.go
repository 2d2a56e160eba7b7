package chaos_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// inject runs a fault and judges the result.
func (s *scene) inject(t *testing.T, f fault, o *outcome) {
	defer func() {
		if t.Skipped() {
			o.skipped = s.whyNot
		} else if t.Failed() && len(o.wrong) == 0 {
			o.wrong = append(o.wrong, "the fault could not be injected or ended")
		}
		if len(o.wrong) > 0 {
			t.Errorf("%s", strings.Join(o.wrong, "\n"))
		}
	}()
	if f.before != nil {
		f.before(t, s)
	}
	if f.after != nil {
		defer f.after(t, s)
	}
	s.traffic.take()
	moves := s.moves(t)
	o.was = s.vitals(t)
	counts := s.counts(t)
	eye := s.watch()
	closed := false
	defer func() {
		if !closed {
			eye.close()
		}
	}()

	s.told, s.heard = nil, nil
	began := time.Now()
	f.do(t, s)
	o.lasted = time.Since(began)
	o.wrong = append(o.wrong, s.told...)
	s.changes(t, o)

	samples, lost, ill := eye.close()
	closed = true
	o.lost, o.ill = lost, ill
	if samples == 0 {
		o.wrongly("no envoy could be looked at")
	}
	if len(lost) > 0 {
		o.wrongly("%d endpoints lost, as %s", len(lost), lost[0])
	}
	if len(ill) > 0 {
		o.wrongly("%d endpoints not healthy, as %s", len(ill), ill[0])
	}
	if !f.reboots {
		if o.moved = s.moves(t) - moves; o.moved != 0 {
			o.wrongly("envoy counts %d changes of members where nothing changed", o.moved)
		}
	}
	var failures []string
	if o.sent, failures = s.traffic.take(); len(failures) > 0 {
		o.failed = len(failures)
		o.wrongly("%d of %d requests failed, as %s", o.failed, o.sent, failures[0])
	}
	if o.sent == 0 {
		o.wrongly("no traffic")
	}
	o.noticed = strings.Join(append(s.heard, since(counts, s.counts(t))), ", ")
	s.awaitIdle(t, f, o)
}

func (o *outcome) wrongly(format string, args ...any) {
	o.wrong = append(o.wrong, fmt.Sprintf(format, args...))
}

// meanwhile is for faults during which changes must arrive as usual.
func (s *scene) meanwhile(t *testing.T) {
	var o outcome
	s.changes(t, &o)
	for _, w := range o.wrong {
		s.told = append(s.told, "while it lasted: "+w)
	}
}

// changes adds an instance and removes the previous one, and waits for both at every Envoy.
func (s *scene) changes(t *testing.T, o *outcome) {
	old := s.probe
	s.probe = s.addProbe(t)
	at := time.Now()
	if err := s.everywhere(t, giveUp, func(e *envoy) error { return e.has(t.Context(), probed, s.backends[s.probe].Addr) }); err != nil {
		o.wrongly("an instance registered afterwards: %v", err)
	}
	if o.registered = time.Since(at); o.registered > inTime() {
		o.wrongly("an instance registered afterwards took %v", o.registered.Round(10*time.Millisecond))
	}
	if err := s.consul.Deregister(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	at = time.Now()
	if err := s.everywhere(t, giveUp, func(e *envoy) error { return e.lacks(t.Context(), probed, s.backends[old].Addr) }); err != nil {
		o.wrongly("an instance deregistered afterwards: %v", err)
	}
	if o.deregistered = time.Since(at); o.deregistered > inTime() {
		o.wrongly("an instance deregistered afterwards took %v", o.deregistered.Round(10*time.Millisecond))
	}
}

// awaitIdle waits until Legate uses no more than before.
func (s *scene) awaitIdle(t *testing.T, f fault, o *outcome) {
	if f.restarts { // another process: only the order of magnitude is comparable
		o.is = s.vitals(t)
		return
	}
	is, err := s.settled(t, o.was, 20*time.Second)
	o.is = is
	if err != nil {
		o.wrongly("left over: %v", err)
	}
}

// moves returns how many membership changes all Envoys have counted for services that never change.
func (s *scene) moves(t *testing.T) (sum int) {
	t.Helper()
	for _, e := range s.envoys {
		n, err := e.moves(t.Context(), s.quiet())
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum
}

// hold keeps a fault up; in the short selection, not for long.
func hold(d time.Duration) {
	if !*whole && *hours == 0 {
		d = min(d, 4*time.Second)
	}
	time.Sleep(d)
}

// inTime is the limit for a change to arrive. The short selection runs beside other tests on a busy
// machine, and only requires that it arrives.
func inTime() time.Duration {
	if *whole || *hours > 0 {
		return converge
	}
	return giveUp
}

// must fails the test if a fault cannot be injected.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
