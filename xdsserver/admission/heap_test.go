package admission

import (
	"testing"
	"time"
)

func TestMemoryIsReturnedWhenMuchLessIsHeldThanBefore(t *testing.T) {
	const mib = 1 << 20
	type second struct {
		held, heap int64
		want       bool
	}
	for name, seconds := range map[string]map[int]second{
		"after a peak, once":              {5: {held: 5 * mib}, 20: {held: mib, want: true}, 40: {held: mib}},
		"not before the time":             {5: {held: 5 * mib}, 19: {held: mib}, 20: {held: 2 * mib}},
		"just enough":                     {5: {held: muchLess}, 20: {want: true}},
		"too little":                      {5: {held: muchLess - 1}, 20: {}},
		"too little of a large heap":      {5: {held: 5 * mib}, 20: {heap: 81 * mib}},
		"just enough of a large heap":     {5: {held: 5 * mib}, 20: {heap: 80 * mib, want: true}},
		"what is held still is no peak":   {5: {held: 9 * mib}, 20: {held: 9 * mib}, 40: {held: 9 * mib}},
		"the next peak is measured again": {5: {held: 9 * mib}, 20: {held: 8 * mib}, 40: {held: 3 * mib, want: true}},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			p, now := peak{looked: start}, second{}
			for s := 1; s <= 40; s++ {
				want := false
				if next, changed := seconds[s]; changed {
					now, want = next, next.want
				}
				if got := p.isOver(start.Add(time.Duration(s)*time.Second), now.held, func() int64 { return now.heap }); got != want {
					t.Errorf("%d s: %v", s, got)
				}
			}
		})
	}
	if heap := liveHeap(); heap < 0 || heap > 1<<40 {
		t.Errorf("the heap has %d bytes", heap)
	}
}
