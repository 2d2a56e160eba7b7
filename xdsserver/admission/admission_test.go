package admission

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestLimitsThatMakeNoSenseAreRefusedAllAtOnce(t *testing.T) {
	t.Parallel()
	if err := DefaultLimits().Validate(); err != nil {
		t.Error(err)
	}
	err := Limits{}.Validate()
	if n, all := strings.Count(fmt.Sprint(err), "\n")+1, reflect.TypeFor[Limits]().NumField(); n != all {
		t.Errorf("%d of %d limits: %v", n, all, err)
	}
}

// Whatever clients take and give back at the same time, no more is held than may be, and of an address half of it.
func TestNoMixOfClientsTakesMoreThanTheBudget(t *testing.T) {
	t.Parallel()
	const most, addresses, clients = 1000, 3, 12
	var refused sync.Map
	b := NewBudget(most, func(kind string) { refused.Store(kind, true) })
	shares := make([]Share, addresses)
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(i)))
			share := &shares[i%addresses]
			for range 2000 {
				kind, bytes := Kind(random.IntN(int(kinds))), random.IntN(300)
				err := b.Take(share, kind, bytes)
				if m := b.Memory(); m.Held > most+clients*300 { // others are about to be refused
					t.Errorf("%d bytes are held", m.Held)
				}
				if err == nil {
					b.Give(share, kind, bytes)
				}
			}
		})
	}
	all.Wait()
	m := b.Memory()
	for _, k := range m.Kinds {
		if k.Bytes != 0 {
			t.Errorf("%d bytes of %s are left", k.Bytes, k.Kind)
		}
		if _, told := refused.Load(k.Kind); told != (k.Refused > 0) {
			t.Errorf("%s: %d refusals, told: %t", k.Kind, k.Refused, told)
		}
	}
	if m.Held != 0 || shares[0].Bytes() != 0 {
		t.Errorf("left: %+v", m)
	}
}

func TestAnAddressMayHaveHalfOfTheBudget(t *testing.T) {
	t.Parallel()
	b := NewBudget(1000, func(string) {})
	var one, other Share
	if err := b.Take(&one, HeldNames, 500); err != nil {
		t.Fatal(err)
	}
	err := b.Take(&one, HeldRequests, 1)
	limit := new(Error)
	if !errors.As(err, &limit) || limit.Limit != LimitMemory || status.Code(err) != codes.ResourceExhausted || limit.Retry == 0 {
		t.Errorf("%+v", err)
	}
	if err := b.Take(&other, HeldRequests, 500); err != nil {
		t.Error(err)
	}
	if err := b.Take(nil, HeldRequests, 1); err == nil {
		t.Error("there was no room")
	}
	b.Force(&other, HeldNames, 100) // it is there already
	if b.Held("names") != 600 || b.Held("requests") != 500 || b.Held("none") != 0 {
		t.Errorf("%+v", b.Memory())
	}
}

func TestALimitErrorIsCountedAndSaysWhenToTryAgain(t *testing.T) {
	t.Parallel()
	counted := map[string]int{}
	r := NewRefusals(slog.New(slog.NewTextHandler(io.Discard, nil)), func(limit string) { counted[limit]++ })
	refused := Refuse(LimitStreams, codes.ResourceExhausted, time.Second, "raise it", "%d are open\u202e", 5)
	if !r.Of(fmt.Errorf("serve: %w", refused), "10.0.0.1:1") || r.Of(io.EOF, "10.0.0.1:1") {
		t.Error("what is a limit error, and what is none?")
	}
	for _, said := range r.All() {
		if (said.Limit == LimitStreams) != (said.Count == 1) || said.Limit == LimitStreams && (said.Remedy != "raise it" || strings.Contains(said.Detail, "\u202e")) {
			t.Errorf("%+v", said)
		}
	}
	if counted[LimitStreams] != 1 || len(counted) != 1 {
		t.Error(counted)
	}
	if details := status.Convert(refused).Details(); len(details) != 1 {
		t.Errorf("no hint when to try again: %v", details)
	}
}
