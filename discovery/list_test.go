package discovery

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
)

func TestTheListIsAskedForAtMostEverySecondAndTheFirstChangeIsSeenAtOnce(t *testing.T) {
	fake := newFakeConsul()
	inTime(t, fakeConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(5 * time.Second)
		fake.set("first", 1)
		synctest.Wait()
		if c, _ := r.now(); !r.has("first", catalog.Passing)(c) {
			t.Error("the first change after a rest is not seen at once")
		}
		fake.take()
		for n := range 100 {
			time.Sleep(100 * time.Millisecond)
			fake.set(fmt.Sprintf("more-%02d", n), 1)
		}
		if n := lists(fake.take()); n < 9 || n > 11 {
			t.Errorf("%d lists in 10 s of changes, want one a second", n)
		}
	})
}

func TestAListThatCostsMuchIsAskedForLessOften(t *testing.T) {
	fake := newFakeConsul("a", "b", "c")
	fake.slowDown(500 * time.Millisecond)
	inTime(t, fakeConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.take()
		for n := range 600 {
			time.Sleep(100 * time.Millisecond)
			fake.set("a", 1-2*(n%2)) // comes and goes
		}
		if n := lists(fake.take()); n < 9 || n > 15 {
			t.Errorf("%d lists in 60 s where one takes half a second, want one in 4 to 5.5 s", n)
		}
		fake.slowDown(0)
		time.Sleep(time.Minute)
		fake.take()
		for range 20 {
			time.Sleep(1500 * time.Millisecond) // each is waited for
			fake.set("b", -1)
			time.Sleep(1500 * time.Millisecond)
			fake.set("b", 1)
		}
		if n := lists(fake.take()); n < 38 {
			t.Errorf("%d lists for 40 changes: waiting was taken for cost", n)
		}
	})
}

func TestAListThatWaitedForALeaderDoesNotHoldUpTheNext(t *testing.T) {
	fake := newFakeConsul()
	inTime(t, fakeConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.stop()
		time.Sleep(time.Minute)
		fake.slowDown(7 * time.Second) // each consistent read, while Consul elects
		fake.resume()
		for !r.Status().Connected {
			time.Sleep(10 * time.Millisecond)
		}
		fake.slowDown(0)
		fake.set("b", 1)
		time.Sleep(listEvery)
		synctest.Wait()
		if c, _ := r.now(); !r.has("b", catalog.Passing)(c) {
			t.Errorf("catalog: %v", names(c))
		}
	})
}

func lists(queries []asked) int {
	n := 0
	for _, q := range queries {
		if q.path == "/v1/catalog/services" {
			n++
		}
	}
	return n
}

func TestAServiceThatIsNotListedButThereStays(t *testing.T) {
	fake := newFakeConsul("a", "b")
	inTime(t, fakeConfig(), fake, func(t *testing.T, r *reader) {
		fake.unlist("a")
		time.Sleep(time.Minute)
		synctest.Wait()
		if c, n := r.now(); n != 1 || len(c.Services) != 2 {
			t.Fatalf("%d Deltas, catalog %v", n, names(c))
		}
		fake.set("a", 2)
		synctest.Wait()
		if c, _ := r.now(); !r.has("a", catalog.Passing, catalog.Passing)(c) {
			t.Errorf("and is followed on: %v", names(c))
		}
		fake.set("a", 0)
		synctest.Wait()
		if c, _ := r.now(); !slices.Equal(names(c), []string{"b:1"}) {
			t.Errorf("and goes with its last instance: %v", names(c))
		}
	})
}

func TestAListedServiceWithoutInstancesStaysEmpty(t *testing.T) {
	fake := newFakeConsul("a")
	inTime(t, fakeConfig(), fake, func(t *testing.T, r *reader) {
		fake.set("a", 0)
		synctest.Wait()
		if c, _ := r.now(); !r.has("a")(c) {
			t.Errorf("catalog %v", names(c))
		}
		fake.set("a", -1)
		time.Sleep(time.Second)
		synctest.Wait()
		if c, _ := r.now(); len(c.Services) != 0 {
			t.Errorf("catalog %v", names(c))
		}
	})
}
