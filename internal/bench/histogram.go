package main

import (
	"math"
	"sync/atomic"
	"time"
)

// histogram counts durations in buckets, each 5 % wider than the one before.
type histogram struct {
	buckets [400]atomic.Uint64
}

const (
	histogramUnit = time.Microsecond // upper bound of the first bucket
	histogramStep = 1.05
)

func (h *histogram) add(d time.Duration) {
	n := 0
	if d > histogramUnit {
		n = int(math.Ceil(math.Log(float64(d)/float64(histogramUnit)) / math.Log(histogramStep)))
	}
	h.buckets[min(n, len(h.buckets)-1)].Add(1)
}

// quantile returns the upper bound of the bucket with the quantile; 0 if nothing was counted.
func (h *histogram) quantile(q float64) time.Duration {
	var total uint64
	for i := range h.buckets {
		total += h.buckets[i].Load()
	}
	if total == 0 {
		return 0
	}
	rank := uint64(math.Ceil(q * float64(total)))
	var below uint64
	for i := range h.buckets {
		if below += h.buckets[i].Load(); below >= rank {
			return time.Duration(float64(histogramUnit) * math.Pow(histogramStep, float64(i)))
		}
	}
	return time.Duration(math.MaxInt64)
}
