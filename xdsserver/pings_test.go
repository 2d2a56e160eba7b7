package xdsserver

import (
	"strings"
	"testing"
	"time"

	"legate/xdsserver/admission"
)

func TestAClientMayPingEverySecond(t *testing.T) {
	t.Parallel()
	if every := DefaultConfig().MinPing; every > time.Second {
		t.Errorf("the default allows a ping every %v", every)
	}
	const every = time.Second // much longer than a loaded machine is late
	s := newStage(t, func(c *Config) { c.MinPing = every })
	b := s.bare()
	for i := range 10 { // as often as it may, give or take what networks and clocks do
		time.Sleep(every + []time.Duration{-every, every}[i%2]/50)
		b.frame(framePing, make([]byte, 8))
	}
	if said := b.goodbye(every); said != "" || s.met(admission.LimitPings) != 0 {
		t.Errorf("it was sent away: %q, counted %d", said, s.met(admission.LimitPings))
	}
}

func TestWhoPingsMoreOftenIsCutOffAndCounted(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	b := s.bare()
	for range 5 {
		b.frame(framePing, make([]byte, 8))
	}
	if said := b.goodbye(10 * time.Second); !strings.Contains(said, "ping") {
		t.Errorf("it was told %q", said)
	}
	soon(t, "it is counted", func() bool { return s.met(admission.LimitPings) == 1 })
	if said := s.said(admission.LimitPings); !strings.Contains(said.Remedy, "xds.min_ping") || said.From != b.LocalAddr().String() {
		t.Errorf("%+v", said)
	}
}
