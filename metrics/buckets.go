package metrics

import "time"

var (
	// A change takes some milliseconds. The upper buckets cover 15 s, Envoy's
	// initial_fetch_timeout.
	changeBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15, 30, 60}
	// A blocking query that nothing wakes ends after its wait time, about a minute.
	queryBuckets = []float64{.001, .005, .01, .05, .1, .5, 1, 5, 10, 30, 60, 75}
	// A stream lasts from seconds (a refused client) to weeks.
	streamBuckets = []float64{1, 10, 60, 600, 3600, 6 * 3600, 24 * 3600, 7 * 24 * 3600}
)

// unixSeconds returns a time as Prometheus writes it; 0 for the zero time.
func unixSeconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixNano()) / 1e9
}
