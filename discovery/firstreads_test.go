package discovery

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
)

func TestBlockingQueriesAreOpenedAfterEverythingWasRead(t *testing.T) {
	const services = 500
	fake := newFakeConsul()
	for n := range services {
		fake.set(fmt.Sprintf("svc-%03d", n), 1)
	}
	fake.takes = 100 * time.Millisecond
	cfg := fakeConfig()
	cfg.Consul.MaxConnections = 2 * services
	inTime(t, cfg, fake, func(t *testing.T, r *reader) {
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if watched(fake) > 0 || r.Status().Complete {
			t.Fatal("a blocking query was opened while others waited for their first answer")
		}
		fake.set("svc-000", 2) // read already: what its query asks for comes after that
		for !r.Status().Complete {
			time.Sleep(time.Millisecond)
		}
		synctest.Wait()
		if n := watched(fake); n < openFirst || n > openFirst+openRate/100 {
			t.Errorf("%d were opened at once", n)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if n := watched(fake); n < services {
			t.Errorf("%d of %d were opened a second later", n, services)
		}
		if c, _ := r.now(); !r.has("svc-000", catalog.Passing, catalog.Passing)(c) {
			t.Error("a change between the read and the blocking query was missed")
		}
	})
}

func TestOneServiceThatIsNotReadKeepsNoBlockingQueryBackForLong(t *testing.T) {
	fake := newFakeConsul("a", "b", "c")
	fake.spoil = garbageFor("a", "b") // too many of three to go on without
	inTime(t, fakeConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(openPatience - time.Second)
		if n := watched(fake); n > 0 {
			t.Errorf("%d were opened", n)
		}
		time.Sleep(2 * time.Second)
		if n := watched(fake); n != 1 {
			t.Errorf("%d were opened after all, want that of c", n)
		}
	})
}

// watched is how many blocking queries of services were asked since the start.
func watched(f *fakeConsul) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, q := range f.asked {
		if q.index > 0 && strings.HasPrefix(q.path, healthPath) {
			n++
		}
	}
	return n
}
