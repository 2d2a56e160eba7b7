package xdsserver

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"legate/internal/xdstest"
	"legate/translate"
)

// fat publishes services of which each resource has so many bytes.
func (s *stage) fat(n, mark, bytes int) (names []string) {
	var all []translate.Resource
	for i := range n {
		names = append(names, fmt.Sprintf("s%03d", i))
		all = append(all, xdstest.FatCluster(names[i], mark, bytes), xdstest.FatAssignment(names[i], mark, bytes))
	}
	s.set(all...)
	return names
}

// inParts reads responses of a type, each of so many bytes at most, until there is nothing more, and
// returns what was in them by name: each once.
func inParts(t *testing.T, c *xdstest.Client, typeURL string, most int) (all map[string]string, responses int) {
	t.Helper()
	all = map[string]string{}
	for r := c.Poll(30 * time.Second); r != nil; r = c.Poll(3 * time.Second) {
		if r.Type != typeURL || r.Bytes > most {
			t.Errorf("%d bytes of %s", r.Bytes, r.Type)
		}
		for _, m := range r.Marks() {
			if all[m.Name] != "" {
				t.Errorf("%s was sent twice", m.Name)
			}
			all[m.Name] = m.Mark
		}
		for _, name := range r.Removed {
			all[name] = "gone"
		}
		c.Ack(r)
		responses++
	}
	return all, responses
}

func TestALargeStateIsSentInParts(t *testing.T) {
	const most = 100_000
	small := func(c *Config) { c.MaxResponseBytes = most }
	inBubble(t, func(t *testing.T, s *stage, open opener) {
		names := s.fat(60, 1, 9000)
		edge, again := open("edge"), open("again") // they share what is sent
		for round := 1; round <= 2; round++ {
			for _, c := range []*xdstest.Client{edge, again} {
				if round == 1 {
					c.Want(eds, names...)
				}
				all, responses := inParts(t, c, eds, most)
				if len(all) != len(names) || responses < 6 || responses > 8 {
					t.Errorf("round %d: %d of %d assignments in %d responses", round, len(all), len(names), responses)
				}
				for name, mark := range all {
					if mark != fmt.Sprint(round) {
						t.Errorf("%s@%s in round %d", name, mark, round)
					}
				}
			}
			if got := s.typeStatus(eds, Synced); got.Responses != got.Acks {
				t.Errorf("%+v", got)
			}
			if round == 1 {
				s.fat(60, 2, 9000)
			}
		}
		s.set(assignment(names[0], 3))
		edge.Accept(eds, names[0]+"@3")
		if got := s.Oversized(); len(got) > 0 {
			t.Errorf("said to be too large: %+v", got)
		}
	}, small)
}

func TestIncrementalClustersAreSentInPartsToo(t *testing.T) {
	t.Parallel()
	const most = 100_000
	s := newStage(t, func(c *Config) { c.MaxResponseBytes = most })
	names := s.fat(60, 1, 9000)
	have := map[string]string{}
	for i := range 2000 {
		have[fmt.Sprintf("gone-%04d-%s", i, strings.Repeat("x", 500))] = "v1"
	}
	c := incremental(t, s, "edge")
	c.Resume(cds, have)
	all, _ := inParts(t, c, cds, most)
	if len(all) != len(names)+len(have) || !slices.ContainsFunc(slices.Collect(maps.Values(all)), func(mark string) bool { return mark == "gone" }) {
		t.Errorf("%d names, want %d", len(all), len(names)+len(have))
	}
}

func TestTheOffenderOfOnePartStandsAloneInTheEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage, open opener) {
		names := s.fat(8, 1, 9000)
		c := open("edge")
		c.Want(eds, names...)
		took := map[string]bool{}
		for r := c.Poll(30 * time.Second); r != nil; r = c.Poll(300 * time.Millisecond) {
			if r.Resources["s003"] != nil {
				c.Nack(r, "s003 is bad")
				continue
			}
			for name := range r.Resources {
				took[name] = true
			}
			c.Ack(r)
		}
		if len(took) != len(names)-1 {
			t.Errorf("took %v", took)
		}
		if got := s.typeStatus(eds, Nacked); got.Rejected["s003"] == "" || len(got.Rejected) != 1 {
			t.Errorf("%+v", got)
		}
	}, func(c *Config) { c.MaxResponseBytes = 20_000 })
}

func TestMorePartsThanMayBeUnansweredWaitForAnswers(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage, open opener) {
		names := s.fat(3*maxFlight, 1, 1000)
		c := open("edge")
		c.Want(eds, names...)
		var unanswered []*xdstest.Response
		for r := c.Poll(30 * time.Second); r != nil; r = c.Poll(300 * time.Millisecond) {
			unanswered = append(unanswered, r)
		}
		if len(unanswered) != maxFlight {
			t.Errorf("%d responses without an answer", len(unanswered))
		}
		for _, r := range unanswered {
			c.Ack(r)
		}
		if all, _ := inParts(t, c, eds, 2000); len(all) != len(names)-maxFlight {
			t.Errorf("then %d", len(all))
		}
	}, func(c *Config) { c.MaxResponseBytes = 2000 })
}

func TestClientsWithGRPCsOwnLimitTakeALargeFleet(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		names := s.fat(120, 1, 50_000) // 6 MB; a Go client takes 4 MiB in one message
		c := open("edge")
		c.Want(eds, names...)
		if all, _ := inParts(t, c, eds, 3<<20); len(all) != len(names) {
			t.Errorf("got %d of %d", len(all), len(names))
		}
	})
}

func TestWhatCannotBeSplitIsSentAndSaidOnce(t *testing.T) {
	for what, c := range map[string]struct {
		protocol      xdstest.Protocol
		typeURL, name string
		want          []string
		remedy        string
	}{
		"all clusters":   {xdstest.SotW, cds, "", nil, "incremental"},
		"one assignment": {xdstest.Delta, eds, "s000", []string{"s000"}, "fewer instances"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, func(c *Config) { c.MaxResponseBytes = 20_000 })
			var log bytes.Buffer
			s.oversized.log = slog.New(slog.NewJSONHandler(&log, nil)) // no stream is open yet
			s.fat(4, 1, 30_000)
			for range 2 {
				client := xdstest.Open(t, s.conn, c.protocol, "edge")
				client.Want(c.typeURL, c.want...)
				client.Ack(client.Read())
			}
			got := s.Oversized()
			if len(got) != 1 || got[0].Type != c.typeURL || got[0].Bytes < 30_000 || got[0].Name != c.name || got[0].Count != 2 ||
				got[0].Node != "edge" || !strings.Contains(got[0].Remedy, c.remedy) {
				t.Errorf("%+v", got)
			}
			if lines := strings.Count(log.String(), "\n"); lines != 1 || !strings.Contains(log.String(), c.typeURL) || !strings.Contains(log.String(), `"bytes":`) {
				t.Errorf("%d lines: %s", lines, log.String())
			}
		})
	}
}
