package watch

import (
	"net/http"
	"testing"
	"time"

	"legate/discovery/consul"
	"legate/internal/consultest"
)

// The servers were built anew while Legate started: the leader's word is of now, with lower indexes than before, and the
// agent answers once more as of before. A change is seen within seconds, and not when the full wait is over.
func TestAnIndexFromBeforeTheServersWereBuiltAnewIsNotWaitedForLong(t *testing.T) {
	inTime(t, nil, func(t *testing.T, a *asking) {
		a.putAt(60, healthPath+"web", entries("web", 1))
		before := entries("web", 1)
		a.spoilWith(only(aboutOf("web"), func(q question) (*http.Response, error) {
			if q.index != 60 || before == nil {
				return nil, nil
			}
			body := consultest.JSON(before)
			before = nil
			return consultest.Answer(200, 200, body), nil
		}))
		a.Complete()
		a.watching("web")
		time.Sleep(time.Second)
		if got := told[Answered](a); len(got) != 1 || got[0].Reply.Index != 60 {
			t.Fatalf("told %+v", got)
		}
		a.putAt(70, healthPath+"web", entries("web", 2))
		time.Sleep(firstTrial)
		if got := told[Answered](a); len(got) != 1 || len(got[0].Reading.Service.Instances) != 2 {
			t.Errorf("told %+v", got)
		}
	})
}

// The servers may be away for longer than the agent takes to answer.
func TestAnIndexOnTrialIsTriedSeveralTimes(t *testing.T) {
	at := trial{leaders: true}
	ask := func(index, answer uint64, took time.Duration) {
		r := consul.Reply{Index: answer, Took: took}
		at.believed(consul.Question{Index: index}, r)
	}
	var waits []time.Duration
	for ask(60, 200, time.Millisecond); at.wait() > 0; ask(200, 200, at.wait()) {
		waits = append(waits, at.wait())
	}
	if len(waits) != lastTrial || waits[0] != firstTrial || waits[lastTrial-1] < time.Minute {
		t.Errorf("waits for %v", waits)
	}
	at = trial{leaders: true}
	if ask(60, 61, time.Minute); at != (trial{}) {
		t.Error("what changes later is on trial")
	}
	ask(61, 62, time.Millisecond)
	if at.wait() != 0 {
		t.Error("and what changes after that")
	}
	at = trial{leaders: true}
	ask(60, 200, time.Millisecond)
	if ask(200, 201, 2*time.Second); at.wait() != 0 {
		t.Error("an agent that tells what changes is doubted")
	}
}
