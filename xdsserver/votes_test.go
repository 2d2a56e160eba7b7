package xdsserver

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"legate/translate"
)

// told are the votes on a cluster and its assignment.
func (s *stage) told(name string) Votes {
	return s.Votes(own, []translate.Name{{Type: cds, Name: name}, {Type: eds, Name: name}})
}

// counts waits until so many clients are against, for, and silent.
func (h *hall) counts(name string, against, accept, silent int) {
	h.t.Helper()
	var got Votes
	defer func() {
		if h.t.Failed() {
			h.t.Logf("the votes are %+v", got)
		}
	}()
	soon(h.t, "the votes are counted", func() bool {
		got = h.stage.told(name)
		return got.Against == against && got.For == accept && got.Silent == silent
	})
}

// Each client counts once, by the name in its certificate or its address, and by what it says now.
func TestClientsAreCountedThatRejectAndThatTakeAChange(t *testing.T) {
	const spiffe = "spiffe://example.org/envoy/"
	for _, c := range []struct {
		name           string
		reject, accept []caller
		silent         []caller // take the first state, and do not answer the second
		counts         [3]int
	}{
		{name: "a single client", reject: fleetBehind("127.0.0.1", 1), counts: [3]int{1, 0, 0}},
		{name: "a fleet behind one address", reject: fleetBehind("127.0.0.1", 9), counts: [3]int{1, 0, 0}},
		{name: "one of a fleet on machines of their own", reject: []caller{{"127.0.0.2", "", "a"}}, counts: [3]int{1, 2, 0},
			accept: []caller{{"127.0.0.3", "", "b"}, {"127.0.0.4", "", "c"}}},
		{name: "made-up nodes of a stranger", reject: fleetBehind("127.0.0.2", 5), accept: []caller{{"127.0.0.3", "", "b"}}, counts: [3]int{1, 1, 0}},
		{name: "made-up nodes behind the address of a good one", reject: fleetBehind("127.0.0.2", 5), accept: []caller{{"127.0.0.2", "", "b"}}, counts: [3]int{0, 0, 0}},
		{name: "one that does not answer", reject: []caller{{"127.0.0.2", "", "a"}}, silent: []caller{{"127.0.0.3", "", "b"}}, counts: [3]int{1, 0, 1}},
		{name: "one certificate at two addresses", reject: []caller{{"127.0.0.2", spiffe + "x", "1"}, {"127.0.0.3", spiffe + "x", "2"}},
			accept: []caller{{"127.0.0.2", spiffe + "y", "3"}}, counts: [3]int{1, 1, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHall(t, "delta", slices.Concat(c.reject, c.accept, c.silent))
			h.stage.set(append(service("web", 1), service("db", 1)...)...)
			bad, good, mute := h.follow(c.reject), h.follow(c.accept), h.follow(c.silent)
			h.stage.set(assignment("web", 2))
			for _, b := range bad {
				b.Nack(b.Expect(eds, "web@2"), "web is bad")
				b.Accept(eds, "web@1")
			}
			for _, g := range good {
				g.Accept(eds, "web@2")
			}
			for _, m := range mute {
				m.Expect(eds, "web@2")
			}
			h.counts("web", c.counts[0], c.counts[1], c.counts[2])
			if r := h.stage.told("web").Rejected; len(r) != 1 || r[0].Reason != "web is bad" || r[0].Client == "" {
				t.Errorf("told: %+v", r)
			}
			h.counts("db", 0, 0, 0) // nobody rejects it
			for _, b := range bad {
				b.Close()
			}
			h.counts("web", 0, 0, 0)
		})
	}
}

// In state of the world a client rejects all clusters together, of which only some are remembered by name.
func TestAClientThatRejectsAWholeStateCountsOnceAgainstEachPartOfIt(t *testing.T) {
	t.Parallel()
	const n = 3 * fewNames
	bad, good := caller{"127.0.0.2", "", "a"}, caller{"127.0.0.3", "", "b"}
	h := newHall(t, "sotw", []caller{bad, good})
	states := func(mark int) (all []translate.Resource, marks []string) {
		for i := range n {
			all = append(all, cluster(fmt.Sprintf("c%02d", i), mark))
			marks = append(marks, fmt.Sprintf("c%02d@%d", i, mark))
		}
		return all, marks
	}
	first, have := states(1)
	h.stage.set(first...)
	one, other := h.open(bad), h.open(good)
	for _, g := range []guest{one, other} {
		g.Want(cds)
		g.Accept(cds, have...)
	}
	second, want := states(2)
	h.stage.set(second...)
	one.Nack(one.Expect(cds, want...), "c07 is bad")
	h.counts("c00", 1, 0, 1) // the other one has not answered
	other.Accept(cds, want...)
	for i := range n {
		h.counts(fmt.Sprintf("c%02d", i), 1, 1, 0)
	}
	h.stage.set(cluster("c00", 3)) // which nobody has rejected as it is now
	other.Accept(cds, append([]string{"c00@3"}, want[1:]...)...)
	h.counts("c01", 1, 1, 0)
}

// BenchmarkVotes counts what a thousand clients say of 10,000 clusters, of which one rejects one: the others have
// taken all, or nothing, or only one of which they do not want anything any more.
func BenchmarkVotes(b *testing.B) {
	const clusters, streams = 10_000, 1000
	for _, c := range []struct {
		name string
		took int // of the clusters, in their order
		all  bool
	}{{"all", clusters, true}, {"nothing", 0, true}, {"another", 1, false}} {
		b.Run(c.name, func(b *testing.B) {
			st := newStore(own)
			var names []string
			var took uint64
			for i := range clusters {
				names = append(names, fmt.Sprintf("c%05d", i))
				st.publish(translate.Batch{Set: []translate.Resource{cluster(names[i], 1)}}, time.Now())
				if i == c.took-1 {
					took = st.table(cds).seq
				}
			}
			t := st.table(cds)
			var all []witness
			for slot := range streams {
				st.attach(func() {})
				all = append(all, witness{client: fmt.Sprint("10.0.0.", slot), store: st, slot: slot, took: took})
				for i, name := range names {
					if c.all || i > 0 {
						t.entries[name].named.set(slot)
					}
				}
			}
			all[0].why, all[0].parked = "bad", map[string]string{names[1]: "bad"}
			t.entries[names[1]].rejected.Store(t.entries[names[1]].seq)
			for b.Loop() {
				if v := votes(all, cds, names); v.Against != 1 || (v.For == streams-1) != (c.took == clusters) {
					b.Fatalf("%+v", v)
				}
			}
		})
	}
}
