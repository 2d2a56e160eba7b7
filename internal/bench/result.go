package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// figures are the measurements of one contender in one repetition of a case.
type figures struct {
	CPU   time.Duration // of the server's process, user and system
	Wall  time.Duration // until the last stream had the expected content
	Bytes int64         // of responses, of all streams together
	Peak  int64         // peak of resident bytes
	Grown int64         // growth of the peak over the resident bytes before
	P50   time.Duration // from applying a change until a stream has it
	P99   time.Duration
}

// sample is one repetition: the contenders that took part, close to each other in time.
type sample map[string]figures

// row is the median of a contender's figures in one case, for the table and the file.
type row struct {
	Contender      string
	Samples        int
	CPUMillis      float64
	CPURatio       float64 `json:",omitempty"` // to the floor in the same repetitions
	WallMillis     float64
	WallRatio      float64 `json:",omitempty"`
	BytesPerStream float64
	PeakMB         float64 `json:",omitempty"` // resident
	PeakRatio      float64 `json:",omitempty"`
	GrownMB        float64 `json:",omitempty"`
	P50Millis      float64 `json:",omitempty"`
	P99Millis      float64 `json:",omitempty"`
	HeapMB         float64 `json:",omitempty"` // after a garbage collection
	RSSMB          float64 `json:",omitempty"` // after a garbage collection
	PerStreamKB    float64 `json:",omitempty"` // RSS per stream beyond the server without any
	HeapStreamKB   float64 `json:",omitempty"`
	Note           string  `json:",omitempty"`
}

// result is one case.
type result struct {
	Case    string
	What    string
	Goal    string
	Verdict string // met, missed, or why there is none
	Streams int
	Base    string `json:",omitempty"` // what ratios compare with, if it is not the floor
	Rows    []row
}

// base is what ratios compare with.
func (r *result) base() string { return cmp.Or(r.Base, floorName) }

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
func megabytes(b int64) float64      { return float64(b) / (1 << 20) }

// rowOf summarises a contender. A ratio compares its figures with those of the base in the same repetition.
func rowOf(contender, base string, streams int, samples []sample) row {
	r := row{Contender: contender}
	of := func(get func(figures) float64) float64 {
		var all []float64
		for _, s := range samples {
			if f, took := s[contender]; took {
				all = append(all, get(f))
			}
		}
		r.Samples = len(all)
		return median(all)
	}
	ratio := func(get func(figures) float64) float64 {
		var all []float64
		for _, s := range samples {
			mine, took := s[contender]
			of, there := s[base]
			if took && there && get(of) > 0 {
				all = append(all, get(mine)/get(of))
			}
		}
		return median(all)
	}
	cpu := func(f figures) float64 { return millis(f.CPU) }
	wall := func(f figures) float64 { return millis(f.Wall) }
	peak := func(f figures) float64 { return megabytes(f.Peak) }
	r.CPUMillis, r.CPURatio = of(cpu), ratio(cpu)
	r.WallMillis, r.WallRatio = of(wall), ratio(wall)
	r.PeakMB, r.PeakRatio = of(peak), ratio(peak)
	r.GrownMB = of(func(f figures) float64 { return megabytes(f.Grown) })
	r.P50Millis = of(func(f figures) float64 { return millis(f.P50) })
	r.P99Millis = of(func(f figures) float64 { return millis(f.P99) })
	r.BytesPerStream = of(func(f figures) float64 { return float64(f.Bytes) / float64(streams) })
	return r
}

// row returns the row of a contender, nil if it did not take part.
func (r *result) row(contender string) *row {
	for i := range r.Rows {
		if r.Rows[i].Contender == contender && r.Rows[i].Samples > 0 {
			return &r.Rows[i]
		}
	}
	return nil
}

// judge compares one of Legate's figures with the goal.
func (r *result) judge(get func(row) float64, most float64) { r.judgeOf(legateName, get, most) }

// judgeOf compares a figure of a contender with the goal.
func (r *result) judgeOf(name string, get func(row) float64, most float64) {
	mine := r.row(name)
	switch {
	case mine == nil:
		r.Verdict = "not measured"
	case get(*mine) <= most:
		r.Verdict = fmt.Sprintf("met: %.2f", get(*mine))
	default:
		r.Verdict = fmt.Sprintf("missed: %.2f", get(*mine))
	}
}
