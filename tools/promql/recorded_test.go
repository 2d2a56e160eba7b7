package promql

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
)

// longest is longer than any story.
const longest = 28 * time.Hour

func newEngine(t *testing.T) *promql.Engine {
	return promqltest.NewTestEngine(t, false, 5*time.Minute, 10_000_000)
}

// scraped returns a storage with these series, and with what the recording rules make of them.
func scraped(t *testing.T, series []string) storage.Queryable {
	t.Helper()
	all := promqltest.LoadedStorage(t, strings.Join(series, "\n"), func(o *tsdb.Options) {
		o.MinBlockDuration = (10 * longest).Milliseconds() // what is recorded is written after all that it is made of
		o.MaxBlockDuration = o.MinBlockDuration
	})
	engine := newEngine(t)
	for _, r := range recordingRules(t) {
		q, err := engine.NewRangeQuery(context.Background(), all, nil, r.Expr, time.Unix(0, 0), time.Unix(0, 0).Add(longest), step)
		if err != nil {
			t.Fatal(err)
		}
		recorded, err := q.Exec(context.Background()).Matrix()
		if err != nil {
			t.Fatal(err)
		}
		a := all.Appender(context.Background())
		for _, s := range recorded {
			named := labels.NewBuilder(s.Metric).Set(labels.MetricName, r.Record).Labels()
			for _, p := range s.Floats {
				if _, err := a.Append(0, named, p.T, p.F); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := a.Commit(); err != nil {
			t.Fatal(err)
		}
		q.Close()
	}
	return all
}

// The stories under testdata/recorded are tests in promqltest's language, in which the name of a rule stands for what it
// records.
func TestWhatIsRecordedIsRight(t *testing.T) {
	stories, err := filepath.Glob("testdata/recorded/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, file := range stories {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			story := string(raw)
			for _, r := range recordingRules(t) {
				told[r.Record] = told[r.Record] || strings.Contains(story, r.Record)
				story = strings.ReplaceAll(story, r.Record, "("+strings.Join(strings.Fields(r.Expr), " ")+")")
			}
			promqltest.RunTest(t, story, newEngine(t))
		})
	}
	for _, r := range recordingRules(t) {
		if !told[r.Record] {
			t.Errorf("no story under testdata/recorded tells of %s", r.Record)
		}
	}
}

// A rule that nothing asks for costs Prometheus for nothing.
func TestEachRecordingRuleIsUsed(t *testing.T) {
	used := map[string]bool{}
	for _, q := range append(dashboardQueries(t), alertQueries(t)...) {
		parser.Inspect(q.expr, func(n parser.Node, _ []parser.Node) error {
			if s, ok := n.(*parser.VectorSelector); ok {
				used[s.Name] = true
			}
			return nil
		})
	}
	var names []string
	for _, r := range recordingRules(t) {
		names = append(names, r.Record)
		if !used[r.Record] {
			t.Errorf("nothing asks for %s", r.Record)
		}
	}
	for name := range used {
		if strings.Contains(name, ":") && !slices.Contains(names, name) {
			t.Errorf("%s is asked for, and not recorded", name)
		}
	}
}
