package consul

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// shares divide what can be under way at once among clients that have one connection pool, one for each
// site. A site that hangs holds its own share, and nobody waits for it. The first share is the own
// datacenter's: it gets up to a half. What a share does not want, the others may have.
type shares struct {
	total func() int

	mu     sync.Mutex
	all    []*share
	before int // the total when limits were set last
}

// share is one client's. The lock of its shares guards its plain fields.
type share struct {
	want    int
	limit   int
	busy    int
	queue   []chan struct{} // those who wait, in the order in which they came
	changes atomic.Uint64   // of what is of use to it
}

// useful is how much of the limit is of use.
func (s *share) useful() int { return min(s.limit, s.want) }

func newShares(total func() int) *shares { return &shares{total: total} }

// firstWant is what a share wants until its client says so: enough to find out what there is. A site that hangs
// before it has told what it has takes no more.
const firstWant = 16

// add adds a share.
func (s *shares) add() *share {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := &share{want: firstWant}
	s.all = append(s.all, one)
	s.settle()
	return one
}

// remove takes a share out; the others get it.
func (s *shares) remove(one *share) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = slices.DeleteFunc(s.all, func(o *share) bool { return o == one })
	s.settle()
}

// wants says how much could be under way at once if there were no limit.
func (s *shares) wants(one *share, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if one.want != n {
		one.want = n
		s.settle()
	}
}

// several says that there is more than one share.
func (s *shares) several() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all) > 1
}

// limit is how much of a share can be under way at once.
func (s *shares) limit(of *share) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.total() != s.before {
		s.settle()
	}
	return of.limit
}

// settle needs the lock. It sets the limits anew, and lets in who may come in now.
func (s *shares) settle() {
	s.before = s.total()
	wants := make([]int, len(s.all))
	for i, one := range s.all {
		wants[i] = one.want
	}
	for i, limit := range divide(s.before, wants) {
		one := s.all[i]
		before := one.useful()
		if one.limit = limit; one.useful() != before {
			one.changes.Add(1)
		}
		one.admit()
	}
}

// divide gives each what it wants, as far as that is fair: who wants more than its part gets as much
// as all others who do. The first counts as much as all others together. What is left over is for all
// alike. Each gets one at the least.
func divide(total int, wants []int) []int {
	limits := make([]int, len(wants))
	weight := func(i int) int {
		if i == 0 {
			return max(len(wants)-1, 1)
		}
		return 1
	}
	left, open := total, make([]int, len(wants))
	for i := range open {
		open[i] = i
	}
	for len(open) > 0 {
		weights := 0
		for _, i := range open {
			weights += weight(i)
		}
		content := func(i int) bool { return wants[i]*weights <= left*weight(i) }
		if !slices.ContainsFunc(open, content) { // all want more than their part
			part := left
			for _, i := range open {
				limits[i] = max(part*weight(i)/weights, 1)
				left -= limits[i]
			}
			break
		}
		given := 0
		open = slices.DeleteFunc(open, func(i int) bool {
			if !content(i) {
				return false
			}
			limits[i] = wants[i]
			given += wants[i]
			return true
		})
		left -= given
	}
	for i := range limits {
		limits[i] = max(limits[i]+max(left, 0)/len(limits), 1)
	}
	return limits
}

// acquire waits for room in a share. Where there is one share only, the connections are limit enough.
func (s *shares) acquire(ctx context.Context, of *share) (release func(), err error) {
	s.mu.Lock()
	if len(s.all) > 1 && of.busy >= of.limit {
		turn := make(chan struct{})
		of.queue = append(of.queue, turn)
		s.mu.Unlock()
		select {
		case <-turn:
		case <-ctx.Done():
			s.leave(of, turn)
			return nil, fmt.Errorf("wait for a connection, %d of at most %d for this site are in use: %w", of.limit, of.limit, context.Cause(ctx))
		}
	} else {
		of.busy++
		s.mu.Unlock()
	}
	return sync.OnceFunc(func() { s.release(of) }), nil
}

// leave ends a wait: who was let in at the last moment gives the place back.
func (s *shares) leave(of *share, turn chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(of.queue, turn); i >= 0 {
		of.queue = slices.Delete(of.queue, i, i+1)
		return
	}
	of.busy--
	of.admit()
}

func (s *shares) release(of *share) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of.busy--
	if len(s.all) > 1 && s.total() != s.before { // Consul has shown meanwhile how much a connection takes
		s.settle()
	}
	of.admit()
}

// admit needs the lock. It lets in who waits, as far as there is room.
func (s *share) admit() {
	for len(s.queue) > 0 && s.busy < s.limit {
		close(s.queue[0])
		s.queue = s.queue[1:]
		s.busy++
	}
}
