package discovery

import (
	"testing"
	"time"
)

func TestWhichLossesAreSuspicious(t *testing.T) {
	for _, c := range []struct {
		name string
		l    loss
		want suspicion
	}{
		{"a rolling deploy at its lowest", loss{of: 11, left: 9, allOf: 101, allAt: 99, services: 1}, calm},
		{"a scale-down by a third, of the only service there is", loss{of: 30, left: 20, allOf: 30, allAt: 20, services: 1}, calm},
		{"a canary goes", loss{of: 5, left: 4, allOf: 50, allAt: 49, services: 1}, calm},
		{"as many came as went", loss{of: 5, left: 5, allOf: 50, allAt: 50, services: 1}, calm},
		{"half", loss{of: 10, left: 5, allOf: 100, allAt: 95, services: 1}, calm},
		{"more than half", loss{of: 10, left: 4, allOf: 100, allAt: 94, services: 1}, shrunk},
		{"more than half of a few", loss{of: 3, left: 1, allOf: 100, allAt: 98, services: 1}, calm},
		{"the last one", loss{of: 1, left: 0, allOf: 100, allAt: 99, services: 1}, emptied},
		{"most of the only service there is", loss{of: 50, left: 5, allOf: 50, allAt: 5, services: 1}, shrunk},
		{"one of many services that lose a few each", loss{of: 3, left: 2, allOf: 100, allAt: 84, services: 16}, eroded},
		{"and not enough of them yet", loss{of: 3, left: 2, allOf: 100, allAt: 85, services: 15}, calm},
		{"two services of a small datacenter are deployed", loss{of: 3, left: 2, allOf: 20, allAt: 16, services: 2}, calm},
		{"most of the datacenter", loss{of: 3, left: 2, allOf: 100, allAt: 49, services: 51}, evaporated},
		{"half of it", loss{of: 3, left: 2, allOf: 100, allAt: 50, services: 50}, eroded},
		{"all of a handful, after Consul's index went back", loss{of: 1, left: 0, allOf: 2, allAt: 0, services: 1, another: true}, evaporated},
		{"half of a handful, after that", loss{of: 4, left: 2, allOf: 4, allAt: 2, services: 1, another: true}, calm},
		{"all of a handful", loss{of: 1, left: 0, allOf: 9, allAt: 0, services: 5}, emptied},
	} {
		if got := DefaultGuard().suspect(c.l); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	off := noGuard()
	if got := off.suspect(loss{of: 100, left: 0, allOf: 100, allAt: 0, services: 9}); got != calm {
		t.Errorf("without a guard: %q", got)
	}
}

func TestAWindowKnowsTheMostOfTheLastMinute(t *testing.T) {
	start := time.Unix(0, 0)
	var h highWater
	for _, c := range []struct{ second, value, want int }{
		{0, 10, 10}, {10, 8, 10}, {20, 9, 10}, {30, 4, 10}, {71, 4, 9}, {89, 4, 9}, {91, 4, 4}, {92, 2, 4}, {93, 20, 20}, {94, 0, 20}, {153, 0, 20}, {155, 0, 0},
	} {
		now := start.Add(time.Duration(c.second) * time.Second)
		if c.value != h.now {
			h.set(c.value, now)
		}
		if got := h.most(now.Add(-time.Minute)); got != c.want {
			t.Errorf("after %d s: %d, want %d", c.second, got, c.want)
		}
	}
}
