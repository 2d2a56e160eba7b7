package discovery

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
	"legate/discovery/guard"
	"legate/metrics"
)

// What a service is read for in its turn shows what its blocking query missed, and then that starts
// over; one without a blocking query is read in a hurry instead.
func TestALookThatDiffersStartsTheWatchAnew(t *testing.T) {
	inOwner(t, func(t *testing.T, o *owner) {
		o.reads("web", 11, 2)
		o.reads("api", 12, 1)
		f, m := o.follow["web"], metrics.New(metrics.BuildInfo{})
		log := &lockedBuffer{}
		o.w.metrics, o.w.log = m.Consul, slog.New(slog.NewTextHandler(log, nil))
		look := func(r consul.Reading, err error) {
			o.looking++
			f.looked = true
			checked{f: f, readings: f.readings, reading: r, reply: consul.Reply{At: time.Now(), Index: 20}, err: err}.apply(o)
			if o.looking != 0 || f.looked {
				t.Error("the look is over, and counts as under way")
			}
		}
		other := f.said
		other.Service.Instances = other.Service.Instances[:1]
		look(f.said, nil)
		look(other, errors.New("refused"))
		if f.afresh.asked {
			t.Error("the watch starts anew although the look saw the same, or nothing")
		}
		look(other, nil)
		if !f.afresh.asked || len(o.catalog[f.key].Instances) != 2 {
			t.Errorf("asked anew %v: want the watch to see for itself", f.afresh.asked)
		}
		f.afresh.asked = false
		look(other, fmt.Errorf("look: %w", notBelieved{doubt: indexOne}))
		if !f.afresh.asked {
			t.Error("the watch may not have heard of what is in doubt")
		}
		f.afresh.asked = false
		o.w.rotation.settle(f)
		look(other, nil)
		if f.afresh.asked || !f.urgent {
			t.Error("a service of the ring has no watch to start anew, and is to be read soon")
		}
		if n := log.count("what its watch did not"); n != 1 {
			t.Errorf("the log tells of it %d times", n)
		}
		const looks = "legate_consul_rereads_total"
		if same, different := sample(t, m, looks, "same"), sample(t, m, looks, "different"); same != 1 || different != 1 {
			t.Errorf("%v looks saw the same, and %v something else; want one each", same, different)
		}
		o.w.rotation.remove(f)
		f.afresh.asked = false
		delete(o.follow, "web")
		look(other, nil)
		if f.afresh.asked {
			t.Error("it is not followed any more")
		}
	})
}

// Everything is looked at in turn, within Guard.Reread, by name; what cannot be looked at now loses
// its turn.
func TestEverythingIsLookedAtInTurn(t *testing.T) {
	inOwner(t, func(t *testing.T, o *owner) {
		o.guarded()
		o.lists(11, "a", "b", "c", "d", "web", "api")
		for i, name := range []string{"web", "a", "d", "b", "api"} { // c is never read
			o.reads(name, uint64(12+i), 1)
		}
		turns := func(n float64) (names string) {
			o.rereads = n
			for f := o.nextLook(time.Now()); f != nil; f = o.nextLook(time.Now()) {
				names += " " + f.key.Name
			}
			return names
		}
		if got := turns(6.5); got != " a api b d web" || o.rereads != 0.5 {
			t.Errorf("a round looks at%s, %v turns are left", got, o.rereads)
		}
		o.follow["b"].looked = true
		o.reads("d", 20, 0)
		if got := turns(6); got != " a api web" {
			t.Errorf("a round looks at%s, want neither what is being looked at nor what is held", got)
		}
		if got := turns(0.9); got != "" {
			t.Errorf("no turn is due, and%s is looked at", got)
		}
		o.due = nil
		for _, name := range []string{"b", "gone", "a", "d"} {
			o.due = append(o.due, catalog.ServiceKey{Datacenter: "dc1", Name: name})
		}
		if got := turns(1); got != " d a" || len(o.due) != 0 {
			t.Errorf("looks at%s, want the hold that is due and then whose turn it is", got)
		}
	})
}

// The turns that are due follow from the time, and from what there is: never more than a round.
func TestTheLooksThatAreDueFollowTheTime(t *testing.T) {
	inOwner(t, func(t *testing.T, o *owner) {
		o.guarded()
		o.reads("web", 11, 1)
		due := func(after time.Duration) float64 {
			o.looking = lookers // no room: they add up
			o.tick(o.ticked.Add(after))
			return o.rereads
		}
		if n := due(time.Minute); n != 0 {
			t.Errorf("%v looks are due before all was read", n)
		}
		o.reads("api", 12, 1)
		if n := due(o.cfg.Guard.Reread / 4); n != 0.5 {
			t.Errorf("%v looks are due after a quarter of a round of two, want half a one", n)
		}
		if n := due(o.cfg.Guard.Reread / 2); n != 1.5 {
			t.Errorf("%v looks are due", n)
		}
		if n := due(time.Hour); n != 2 {
			t.Errorf("%v looks are due, want not more than a round", n)
		}
		o.cfg.Guard.Reread = 0
		if n := due(time.Hour); n != 2 {
			t.Errorf("%v looks are due although nothing is read again", n)
		}
		o.rereads, o.looking = 2, lookers-1
		o.lookOn(time.Now())
		if o.looking != lookers || !o.follow["api"].looked || o.follow["web"].looked {
			t.Errorf("%d looks at once", o.looking)
		}
	})
}

// What came back without a word has everything read again, but not more often than it can be read.
func TestEverythingIsReadAgainNotTooOften(t *testing.T) {
	inOwner(t, func(t *testing.T, o *owner) {
		o.reads("web", 11, 1)
		f, start := o.follow["web"], time.Now()
		stirred := func(after time.Duration) bool {
			f.afresh.asked = false
			o.stir(start.Add(after))
			return f.afresh.asked
		}
		if !stirred(0) || stirred(3*time.Second-1) || !stirred(3*time.Second) {
			t.Error("want it every three seconds at most")
		}
		for n := range 2500 {
			o.follow[fmt.Sprint("many-", n)] = f
		}
		if stirred(8*time.Second) || !stirred(8*time.Second+10*time.Millisecond) {
			t.Error("with 2,502 services want it every 5 seconds at most")
		}
	})
}

// Whether its index went back is told by each list.
func TestAListTellsThatItsIndexWentBack(t *testing.T) {
	inOwner(t, func(t *testing.T, o *owner) {
		o.guarded()
		for _, l := range []struct {
			index uint64
			back  bool
		}{{50, false}, {50, false}, {49, true}} {
			o.lists(l.index, "web", "api")
			if got := o.lostAfterTheIndexWentBack("web"); got != l.back {
				t.Errorf("at %d: the index went back is %v", l.index, got)
			}
		}
	})
}

// What is evidence that an emptied service was deregistered on purpose, and what takes it away.
func TestWhatIsEvidenceOfADeregistration(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(o *owner, e *checked)
		want   bool
	}{
		{"the index moved, and the list lacks it and has the others", func(*owner, *checked) {}, true},
		{"the index did not move", func(o *owner, e *checked) {
			o.observe(time.Now(), guard.Released{})
			o.reads("web", 30, 1)
			o.reads("web", 30, 0)
		}, false},
		{"the list was not read", func(_ *owner, e *checked) { e.list = nil }, false},
		{"policies cut the answer", func(_ *owner, e *checked) { e.reply.Filtered = true }, false},
		{"policies cut the list", func(_ *owner, e *checked) { e.listed.Filtered = true }, false},
		{"the list has it, without instances", func(_ *owner, e *checked) { e.list["web"] = nil }, false},
		{"the list has it, for its proxies", func(_ *owner, e *checked) { e.list["web"], e.reading.Others = nil, 1 }, true},
		{"the list has it, for instances that take no traffic", func(_ *owner, e *checked) {
			e.list["web"], e.reading.Service.Instances = nil, []catalog.Instance{{ID: "x", Health: catalog.Critical}}
		}, true},
		{"an index went back", func(o *owner, _ *checked) { o.observe(time.Now(), guard.IndexWentBack{}) }, false},
		{"the list lacks some others", func(_ *owner, e *checked) { delete(e.list, name(0)) }, true},
		{"the list lacks most others", func(_ *owner, e *checked) { clear(e.list) }, false},
		{"of most others nothing is known yet", func(o *owner, e *checked) {
			for n := range 8 {
				o.follow[name(n)].read = false
			}
			clear(e.list)
		}, true},
		{"it lives on under another name", func(o *owner, e *checked) {
			o.takesOver("api", "web")
			clear(e.list)
		}, true},
		{"it lives on under another name, and an index went back", func(o *owner, e *checked) {
			o.takesOver("api", "web")
			o.observe(time.Now(), guard.IndexWentBack{})
		}, false},
	} {
		inOwner(t, func(t *testing.T, o *owner) {
			o.guarded()
			names := []string{"web", "api"}
			for n := range 8 {
				names = append(names, name(n))
			}
			o.lists(11, names...)
			for i, name := range names {
				o.reads(name, uint64(20+i), 1)
			}
			o.reads("web", 30, 0)
			f := o.follow["web"]
			time.Sleep(o.cfg.Guard.Confirm)
			e := checked{f: f, readings: f.readings, reading: consul.Reading{Service: catalog.Service{Key: f.key}}, list: consul.Listing{"consul": nil, "api": nil}}
			for n := range 8 {
				e.list[name(n)] = nil
			}
			c.change(o, &e)
			e.readings = f.readings
			time.Sleep(o.cfg.Guard.Confirm)
			e.reply.At = time.Now()
			o.over = nil
			e.apply(o)
			if got := len(o.over) == 1 && o.over[0].Outcome == "evident"; got != c.want || got == o.guard.Held(f.key) {
				t.Errorf("%s: evident is %v, and ended is %+v", c.name, got, o.over)
			}
		})
	}
}

// takesOver is an answer in which a service has what another had.
func (o *owner) takesOver(service, other string) {
	o.reads(other, 90, 1)
	f := o.follow[service]
	r := o.follow[other].said
	o.reads(other, 91, 0)
	r.Service.Key = f.key
	r.Service.Instances = append(r.Service.Instances, f.said.Service.Instances...)
	slices.SortFunc(r.Service.Instances, catalog.Instance.Compare)
	readAs{f: f, reading: r, reply: consul.Reply{Question: consul.Question{Consistent: true}, Index: 95, At: time.Now()}}.apply(o)
}

// What confirms that an unlisted service is empty tells whether its index moved, which is evidence.
func TestAConfirmationSaysWhetherTheIndexMoved(t *testing.T) {
	for index, moved := range map[uint64]bool{11: false, 20: true} {
		inOwner(t, func(t *testing.T, o *owner) {
			o.guarded()
			o.reads("web", 11, 2)
			f := o.follow["web"]
			f.listed = false
			confirmed{f: f, readings: f.readings, reading: consul.Reading{Service: catalog.Service{Key: f.key}}, reply: consul.Reply{Index: index, At: time.Now()}}.apply(o)
			if !o.guard.Held(f.key) || o.guard.WantsList(f.key) != moved {
				t.Errorf("from index 11 to %d: held is %v, moved %v", index, o.guard.Held(f.key), o.guard.WantsList(f.key))
			}
		})
	}
}

// guarded gives the owner a guard as users have it, which has seen nothing yet.
func (o *owner) guarded() {
	o.cfg.Guard = guard.DefaultConfig()
	o.guard = guard.New(o.cfg.Guard)
}

// lostAfterTheIndexWentBack says whether the guard knows that Consul's index went back: then it takes
// the loss of all there is for that of a datacenter, however small.
func (o *owner) lostAfterTheIndexWentBack(service string) bool {
	o.reads(service, 90, 1)
	o.reads(service, 91, 0)
	for _, h := range o.guard.Holds() {
		if h.Key.Name == service {
			return h.Why == guard.DatacenterLost
		}
	}
	return false
}
