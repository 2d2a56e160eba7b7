package xdsserver

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"legate/internal/logtest"
	"legate/internal/xdstest"
)

func TestABadResourceIsOneLineOfTheLogAndNotOneForEachClient(t *testing.T) {
	t.Parallel()
	const many = 40
	log := &logtest.Buffer{}
	s := newStageThatLogs(t, log)
	s.set(append(service("web", 1), service("db", 1)...)...)
	var clients []*xdstest.Client
	for i := range many {
		clients = append(clients, follow(t, func(node string) *xdstest.Client { return incremental(t, s, node) }, fmt.Sprint("edge-", i)))
	}
	s.set(assignment("web", 2), assignment("db", 2))
	for _, c := range clients {
		c.Nack(c.Expect(eds, "db@2", "web@2"), "malformed")
		c.Accept(eds, "db@2")
		c.Nack(c.Expect(eds, "web@2"), "malformed")
		c.Accept(eds, "web@1")
	}
	for range 100 {
		if len(log.Lines("reject")) > 0 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err := s.stop(); err != nil { // what was not said yet is said now
		t.Error(err)
	}
	lines := log.Lines("level=WARN")
	if len(lines) == 0 || len(lines) > 2 { // the clients may have taken longer than what is waited for the first line
		t.Errorf("%d lines of one resource that %d clients reject:\n%s", len(lines), many, strings.Join(lines, "\n"))
	}
	for _, line := range lines {
		if !strings.Contains(line, "name=web") || !strings.Contains(line, "error=malformed") {
			t.Error(line)
		}
	}
}

func TestWhatRepeatsIsSummedUpOnceAMinute(t *testing.T) {
	log, now := &logtest.Buffer{}, time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	r := newRepeats(slog.New(slog.NewTextHandler(log, nil)), func() time.Time { return now })
	said := func(want ...string) {
		t.Helper()
		r.say()
		got := log.Lines("msg=rejects")
		if len(got) != len(want) {
			t.Fatalf("%d lines, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
		}
		for i, w := range want {
			if !strings.Contains(got[i], w) {
				t.Errorf("line %d: %s, want %s", i, got[i], w)
			}
		}
	}
	said()
	for i := range 60 {
		r.add("rejects", eds, "web", fmt.Sprint("edge-", i), "malformed", "mend it")
		r.add("rejects", eds, "web", fmt.Sprint("edge-", i), "malformed", "mend it")
	}
	said() // more may come within the same second
	now = now.Add(gatherFor)
	said("name=web node=edge-59 nodes=60 times=120 error=malformed")
	r.add("rejects", eds, "web", "edge-7", "worse", "mend it")
	r.add("rejects", eds, "db", "edge-7", "malformed", "mend it")
	now = now.Add(gatherFor)
	said("times=120", "name=db node=edge-7 nodes=1 times=1")
	now = now.Add(logEvery)
	said("times=120", "name=db", "name=web node=edge-7 nodes=1 times=1 error=worse")
	now = now.Add(logEvery)
	said("times=120", "name=db", "name=web") // nothing more happened
	if len(r.of) != 0 {
		t.Errorf("%d are remembered for ever", len(r.of))
	}
	for i := range 3 * maxRepeats {
		r.add("rejects", fmt.Sprint("type-", i), fmt.Sprint("svc-", i), "edge", "malformed", "mend it")
	}
	if len(r.of) > maxRepeats+1 {
		t.Errorf("%d are remembered at once", len(r.of))
	}
	r.last()
	if n := len(log.Lines("msg=rejects")); n != 3+maxRepeats+1 {
		t.Errorf("%d lines at the end", n)
	}
}
