package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"legate/translate"
)

// serveHere runs a contender in this process.
func serveHere(t *testing.T, name string, f fleet) (*host, string) {
	t.Helper()
	c, err := newContender(name, f)
	if err != nil {
		t.Fatal(err)
	}
	h := &host{contender: c, catalog: newCatalog(f)}
	if err := h.prepare(f.all(), 0); err != nil {
		t.Fatal(err)
	}
	if err := h.apply(); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.run(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Log(err)
		}
	})
	return h, l.Addr().String()
}

func join(t *testing.T, address string, e *expected, p func(int) plan) *clients {
	t.Helper()
	c, err := connect(t.Context(), address, e, layout{streams: 4, perConnection: 2, plan: p})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.close() })
	return c
}

func right(t *testing.T, c *clients) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := c.await(ctx); err != nil {
		t.Fatal(err)
	}
	if err := c.check(); err != nil {
		t.Fatal(err)
	}
}

func TestEachContenderBringsEachKindOfClientWhatItShouldHave(t *testing.T) {
	f := fleet{40, 2}
	several, one := []int{0, 3, 11}, []int{3} // the floor sends a whole change to every stream that wants a part of it
	kinds := []struct {
		name    string
		plan    func(fleet) func(int) plan
		changes []int
	}{
		{"delta wildcard", deltaWildcard, several},
		{"sotw names", sotwNames, several},
		{"delta envoy", deltaEnvoy, several},
		{"sotw envoy", sotwEnvoy, several},
		{"delta few", fewNames(true), one},
		{"sotw few", fewNames(false), one},
	}
	for _, name := range []string{floorName, legateName, bridgedName, explainedName, stockName, linearName} {
		for _, kind := range kinds {
			t.Run(name+" "+kind.name, func(t *testing.T) {
				e, err := newExpected(f)
				if err != nil {
					t.Fatal(err)
				}
				h, address := serveHere(t, name, f)
				c := join(t, address, e, kind.plan(f))
				right(t, c)

				what, err := e.change(kind.changes, 1)
				if err != nil {
					t.Fatal(err)
				}
				c.expect(what)
				if c.wrong.Load() == 0 {
					t.Fatal("clients are right before anything was sent")
				}
				if err := h.prepare(kind.changes, 1); err != nil {
					t.Fatal(err)
				}
				if err := h.apply(); err != nil {
					t.Fatal(err)
				}
				right(t, c)
			})
		}
	}
}

func TestClientsNoticeWrongContent(t *testing.T) {
	f := fleet{40, 2}
	e, err := newExpected(f)
	if err != nil {
		t.Fatal(err)
	}
	h, address := serveHere(t, legateName, f)
	c := join(t, address, e, deltaWildcard(f))
	right(t, c)
	if err := h.prepare([]int{5}, 7); err != nil { // a change that no client expects
		t.Fatal(err)
	}
	if err := h.apply(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for c.check() == nil {
		if time.Now().After(deadline) {
			t.Fatal("clients hold what they should not, and nobody notices")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestWhoComesBackToAServerIsSentNothing(t *testing.T) {
	f := fleet{40, 2}
	for _, name := range []string{floorName, legateName, stockName, linearName} {
		t.Run(name, func(t *testing.T) {
			e, err := newExpected(f)
			if err != nil {
				t.Fatal(err)
			}
			h, address := serveHere(t, name, f)
			r := &rival{process: &process{address: address}}
			held, err := r.learn(t.Context(), e, deltaEnvoy(f)(0))
			if err != nil {
				t.Fatal(err)
			}
			read := h.contender.requests()
			c := join(t, address, e, comingBack(f, held))
			for h.contender.requests() < read+8 && t.Context().Err() == nil {
				time.Sleep(time.Millisecond)
			}
			time.Sleep(100 * time.Millisecond) // for responses that should not come
			if n := c.traffic().resources; n != 0 {
				t.Errorf("%d resources were sent", n)
			}
		})
	}
}

func TestAHistogramKnowsItsQuantiles(t *testing.T) {
	var h histogram
	for i := range 1000 {
		h.add(time.Duration(i+1) * time.Millisecond)
	}
	for q, want := range map[float64]time.Duration{0.5: 500 * time.Millisecond, 0.99: 990 * time.Millisecond, 1: time.Second} {
		if got := h.quantile(q); got < want || got > want*106/100 {
			t.Errorf("quantile %v is %v, want %v or a little more", q, got, want)
		}
	}
}

func TestRatiosCompareFiguresOfOneRepetition(t *testing.T) {
	of := func(floor, legate int) sample {
		return sample{floorName: {CPU: time.Duration(floor)}, legateName: {CPU: time.Duration(legate)}}
	}
	// The machine became ten times slower, and both contenders with it.
	r := rowOf(legateName, floorName, 1, []sample{of(100, 200), of(1000, 2000), of(1000, 2000)})
	if r.CPURatio != 2 || r.Samples != 3 {
		t.Errorf("ratio %v of %d samples, want 2 of 3", r.CPURatio, r.Samples)
	}
}

func TestNamesKeepTheirNumbers(t *testing.T) {
	f := fleet{Services: 100}
	if got := f.indexOf(nameOf(42)); got != 42 {
		t.Errorf("got %d", got)
	}
	for _, strange := range []string{"", "service-", "service-00100", "service--1", "web", fmt.Sprint(42)} {
		if got := f.indexOf(strange); got != -1 {
			t.Errorf("%q is number %d", strange, got)
		}
	}
	if !slices.Equal(typeURLs[:], []string{translate.ClusterType, translate.AssignmentType}) {
		t.Error("the kinds are not in the order in which batches go out")
	}
}

func TestTheTableForReadersSaysWhatWasMeasuredAndWhatNot(t *testing.T) {
	r := report{When: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC), Go: "go1", CPUs: 2, Scale: "full", PerConnection: 1, Results: []result{{
		Case: "B1", What: "one change", Goal: "CPU ≤ 1.3 × floor", Verdict: "met: 1.20", Streams: 10,
		Rows: []row{
			{Contender: floorName, Samples: 1, CPUMillis: 10, CPURatio: 1},
			{Contender: legateName, Samples: 1, CPUMillis: 12, CPURatio: 1.2},
			{Contender: stockName, Note: "did not bring 10 streams up within 1m0s"},
		},
	}}}
	var b strings.Builder
	r.markdown(&b)
	for _, want := range []string{
		"2 January 2030", "| one change | 10.0 ms | **1.20** | did not bring 10 streams up within 1m0s | – | CPU ≤ 1.3 × floor: met |",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}
