package changes

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
	"legate/internal/logs"
	"legate/internal/logtest"
)

// line is a line of the log.
type line struct {
	Msg, Service, Change, Kind string
	What, Checks               []string
	Added, Removed, Altered    int
	Index                      uint64
	Seconds                    float64
	Sent                       float64 `json:"sent_seconds"`
	Clients                    int
	Changes, Services          int
	Left                       int `json:"left_out"`
}

// told are the lines that a record's changes have in the log while they are made.
func told(t *testing.T, happens func(r *Record)) (all []line) {
	t.Helper()
	return toldWith(t, nil, happens)
}

func toldWith(t *testing.T, sends Sends, happens func(r *Record)) (all []line) {
	t.Helper()
	var paper logtest.Buffer
	bounded := logs.New(slog.NewJSONHandler(&paper, nil), logs.DefaultConfig())
	r := New()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { r.Tell(ctx, slog.New(bounded), sends); close(ended) }()
	happens(r)
	synctest.Wait()
	cancel()
	<-ended
	bounded.Flush()
	for text := range strings.Lines(paper.String()) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		all = append(all, l)
	}
	return all
}

func TestAChangeHasALineInTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		was := catalog.Service{Key: catalog.ServiceKey{Name: "web"}, Instances: []catalog.Instance{{ID: "1", Node: "n", Address: "10.0.0.7", Port: 80, Checks: []catalog.Check{{ID: "web:http", Status: "passing"}}}}}
		is := catalog.Service{Key: was.Key, Index: 42, Instances: []catalog.Instance{{ID: "1", Node: "n", Address: "10.0.0.7", Port: 80, Health: catalog.Critical, Checks: []catalog.Check{{ID: "web:http", Status: "critical"}}}, {ID: "2", Node: "n", Address: "10.0.0.8", Port: 80, Weights: catalog.Weights{Passing: 1, Warning: 1}}}}
		var id ID
		got := told(t, func(r *Record) {
			c := OfService(&was, &is)
			c.At = time.Now()
			c.Answered, c.Published = c.At, c.At.Add(12*time.Millisecond)
			r.Add(c)
			id = r.Newest()
		})
		want := line{Msg: "changed", Service: "web", Change: id.String(), Kind: "service", Added: 1, Altered: 1, Index: 42, Seconds: 0.012,
			What: []string{"~ 10.0.0.7:80 health passing -> critical (check web:http)", "+ 10.0.0.8:80"}, Checks: []string{"web:http"}}
		if len(got) != 1 || fmt.Sprintf("%+v", got[0]) != fmt.Sprintf("%+v", want) {
			t.Errorf("%+v\nwant %+v", got, want)
		}
	})
}

// A line waits until a client was sent the change, and not for ever.
func TestALineSaysWhenItsChangeWasSent(t *testing.T) {
	for _, c := range []struct {
		clients int
		after   time.Duration // 0: never
		sent    float64
		waits   time.Duration
	}{{0, 0, 0, 0}, {3, 0, 0, time.Second}, {3, 40 * time.Millisecond, 0.042, 64 * time.Millisecond}, {3, time.Hour, 0, time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			published := time.Now()
			sends := func(all []Change) []Send {
				out := make([]Send, len(all))
				for i := range out {
					if out[i].Clients = c.clients; c.after > 0 && time.Since(published) >= c.after {
						out[i].First = published.Add(c.after)
					}
				}
				return out
			}
			var waited time.Duration
			got := toldWith(t, func(all []Change) []Send { waited = time.Since(published); return sends(all) }, func(r *Record) {
				one := of("web")
				one.Answered, one.Published = published.Add(-2*time.Millisecond), published
				r.Add(one)
				time.Sleep(2 * time.Second)
			})
			if len(got) != 1 || got[0].Clients != c.clients || got[0].Sent != c.sent || waited > c.waits || got[0].Seconds != 0.002 {
				t.Errorf("%+v: %+v, waited %v", c, got, waited)
			}
		})
	}
}

// However many changes there are, the log has few lines, each change has a line or is counted in a sum, and no line is
// left out by the bounds of the log.
func TestManyChangesAreSummedUpInTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const seconds, each = 20, 300
		got := told(t, func(r *Record) {
			for n := range seconds * each {
				r.Add(of(fmt.Sprintf("s%03d", n%each)))
				time.Sleep(time.Second / each)
			}
		})
		lines, summed := 0, 0
		for _, l := range got {
			switch {
			case l.Left > 0:
				t.Errorf("%d lines are left out", l.Left)
			case l.Msg == "changed":
				lines++
			default:
				summed += l.Changes
				if l.Services == 0 || l.Services > each || l.Seconds > 10 {
					t.Errorf("%+v", l)
				}
			}
		}
		if lines == 0 || lines > 25 || len(got)-lines > 8 || lines+summed != seconds*each {
			t.Errorf("%d lines and %d changes in %d sums, of %d", lines, summed, len(got)-lines, seconds*each)
		}
	})
}
