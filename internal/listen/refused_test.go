package listen

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

func TestEachRefusalIsCountedAndEachLimitLoggedOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var paper bytes.Buffer
		counted := map[string]int{}
		r := NewRefusals(slog.New(slog.NewJSONHandler(&paper, nil)), "refused", []string{"b", "a", "never"}, func(limit string) { counted[limit]++ })
		for range 100 {
			r.Add("a", "10.0.0.1:1", "too many", "come later")
			r.Add("b", "10.0.0.2:1", "too large", "be brief")
			time.Sleep(time.Second)
		}
		r.Add("a", "10.0.0.3:1", "far too many", "come later")

		if counted["a"] != 101 || counted["b"] != 100 {
			t.Errorf("counted: %v", counted)
		}
		all := r.All()
		if len(all) != 3 || all[0].Limit != "b" || all[1].Limit != "a" || all[2] != (Refused{Limit: "never"}) {
			t.Fatalf("all: %+v", all)
		}
		if want := (Refused{Limit: "a", Count: 101, Last: time.Now(), From: "10.0.0.3:1", Detail: "far too many", Remedy: "come later"}); all[1] != want {
			t.Errorf("a: %+v, want %+v", all[1], want)
		}
		var repeats []int
		for line := range bytes.Lines(paper.Bytes()) {
			var m struct {
				Limit, Peer, Error, Remedy string
				Repeats                    int
			}
			if err := json.Unmarshal(line, &m); err != nil {
				t.Fatal(err)
			}
			if m.Peer == "" || m.Error == "" || m.Remedy == "" {
				t.Errorf("the log says %s", line)
			}
			repeats = append(repeats, m.Repeats)
		}
		if len(repeats) != 4 || repeats[0] != 0 || repeats[1] != 0 || repeats[2] != 59 || repeats[3] != 59 {
			t.Errorf("lines with repeats %v, want the first of each limit, and after a minute 59 more", repeats)
		}
	})
}
