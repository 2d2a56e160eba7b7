package main

import (
	"context"
	"fmt"
)

// benchCase is one row of the benchmark.
type benchCase interface {
	name() string
	run(ctx context.Context, b *bench) (result, error)
}

func (c changeCase) name() string { return c.id }

// cases returns all cases at a scale.
func cases(s scale) []benchCase {
	all := []string{floorName, legateName, stockName, linearName}
	one := func(f fleet, n int) []int { return []int{n * 7 % f.Services} }
	hot := func(_ fleet, n int) []int { return []int{n % hotServices} }
	unnamed := func(f fleet, _ int) []int { return []int{f.Services - 1} }
	every := func(f fleet, _ int) []int { return f.all() }
	cpuWithin := func(most float64) func(*result) {
		return func(r *result) { r.judge(func(r row) float64 { return r.CPURatio }, most) }
	}
	cpuAndPeak := func(r *result) {
		r.judge(func(r row) float64 { return max(r.CPURatio, r.PeakRatio) }, 1.5)
	}
	return []benchCase{
		changeCase{
			id: "one-change-small", what: "one endpoint changes: 1000 services × 100 streams, delta, wildcard",
			goal: "CPU ≤ 2 × floor", services: 1000, streams: 100,
			plan: deltaWildcard, contenders: all, next: one, judge: cpuWithin(2),
		},
		changeCase{
			id: "one-change-small-sotw", what: "one endpoint changes: 1000 services × 100 streams, SotW that names all",
			goal: "CPU ≤ 2 × floor", services: 1000, streams: 100,
			plan: sotwNames, contenders: all, next: one, judge: cpuWithin(2),
		},
		changeCase{
			id: "B1", what: fmt.Sprintf("one endpoint changes: %d services × %d streams, delta, wildcard", s.services, s.streams),
			goal: "CPU ≤ 1.3 × floor", services: s.services, streams: s.streams,
			plan: deltaWildcard, contenders: all, next: one, judge: cpuWithin(1.3),
		},
		changeCase{
			id: "B1-many", what: fmt.Sprintf("one endpoint changes: %d services × %d streams, delta, wildcard", s.many, s.streams),
			goal: "CPU ≤ 1.3 × floor", services: s.many, streams: s.streams,
			plan: deltaWildcard, contenders: all, next: one, judge: cpuWithin(1.3),
		},
		changeCase{
			id: "B2", what: fmt.Sprintf("one endpoint changes: %d services × %d streams, SotW that names all", s.services, s.streams),
			goal: "CPU ≤ 2 × floor", services: s.services, streams: s.streams,
			plan: sotwNames, contenders: all, next: one, judge: cpuWithin(2),
		},
		changeCase{
			id: "B2-many", what: fmt.Sprintf("one endpoint changes: %d services × %d streams, SotW that names all", s.many, s.streams),
			goal: "CPU ≤ 2 × floor", services: s.many, streams: s.streams,
			plan: sotwNames, contenders: []string{floorName, legateName}, next: one, judge: cpuWithin(2),
		},
		changeCase{
			id: "B3", what: fmt.Sprintf("%d streams name 5 of %d services each, delta; one that a tenth of them names changes", s.streams, s.many),
			goal: "CPU ≤ 1.5 × floor of the interested streams", services: s.many, streams: s.streams,
			plan: fewNames(true), contenders: all, next: hot, judge: cpuWithin(1.5),
		},
		changeCase{
			id: "B3-sotw", what: fmt.Sprintf("%d streams name 5 of %d services each, SotW; one that a tenth of them names changes", s.streams, s.many),
			goal: "CPU ≤ 1.5 × floor of the interested streams", services: s.many, streams: s.streams,
			plan: fewNames(false), contenders: all, next: hot, judge: cpuWithin(1.5),
		},
		changeCase{
			id: "B3-none", what: fmt.Sprintf("%d streams name 5 of %d services each, delta; one that none of them names changes", s.streams, s.many),
			goal: "CPU < 1 ms in all, beyond what measuring costs (the floor does nothing here)", services: s.many, streams: s.streams,
			plan: fewNames(true), contenders: all, next: unnamed, changes: 20,
			judge: func(r *result) { // the floor does nothing here, so its figures are the cost of measuring
				idle := 0.0
				if floor := r.row(floorName); floor != nil {
					idle = floor.CPUMillis
				}
				r.judge(func(r row) float64 { return r.CPUMillis - idle }, 1)
			},
		},
		changeCase{
			id: "B1-explained", what: fmt.Sprintf("one endpoint changes and is recorded and logged: %d services × %d streams, delta, wildcard", s.services, s.streams),
			goal: "CPU ≤ 1.1 × what comes through the bridge unrecorded", services: s.services, streams: s.streams, changes: 4 * s.changes,
			plan: deltaWildcard, contenders: []string{bridgedName, explainedName}, base: bridgedName, next: one,
			judge: func(r *result) { r.judgeOf(explainedName, func(r row) float64 { return r.CPURatio }, 1.1) },
		},
		stormCase{
			id: "B4", what: fmt.Sprintf("storm: %d streams come at once as Envoy does (clusters, then each assignment by name), %d services, delta", s.streams, s.services),
			goal: "CPU and peak RSS ≤ 1.5 × floor", services: s.services, streams: s.streams,
			plan: deltaEnvoy, contenders: all, judge: cpuAndPeak,
		},
		stormCase{
			id: "B4-sotw", what: fmt.Sprintf("storm: %d streams come at once as Envoy does, %d services, SotW", s.streams, s.services),
			goal: "CPU and peak RSS ≤ 1.5 × floor", services: s.services, streams: s.streams,
			plan: sotwEnvoy, contenders: []string{floorName, legateName}, judge: cpuAndPeak,
		},
		stormCase{
			id: "B5", what: fmt.Sprintf("%d streams come back at once with the versions of all they want, %d services, delta", s.streams, s.services),
			goal: "no resource sent; CPU ≤ 1.5 × floor", services: s.services, streams: s.streams,
			plan: deltaEnvoy, back: true, contenders: all, judge: cpuWithin(1.5),
		},
		churnCase{
			id: "B6", what: fmt.Sprintf("200 changes/s for %v on 100 of %d services, %d streams, delta; one reads slowly, one not at all", s.storm, s.services, s.streams/2),
			goal: "every stream ends right; p99 ≤ 100 ms on good streams", services: s.services, streams: s.streams / 2,
			touched: 100, perSecond: 200, plan: deltaWildcard, contenders: []string{legateName},
			judge: func(r *result) { r.judge(func(r row) float64 { return r.P99Millis }, 100) },
		},
		churnCase{
			id: "B6-page", what: fmt.Sprintf("the same with the page open in ten browsers, and without: %d services, %d streams", s.services, s.streams/2),
			goal: "p99 of good streams ≤ 1.05 × without", services: s.services, streams: s.streams / 2,
			touched: 100, perSecond: 200, plan: deltaWildcard, contenders: []string{explainedName, watchedName},
			judge: func(r *result) {
				without := r.row(explainedName)
				r.judgeOf(watchedName, func(r row) float64 {
					if without == nil {
						return 0
					}
					return r.P99Millis / without.P99Millis
				}, 1.05)
			},
		},
		changeCase{
			id: "B7", what: fmt.Sprintf("batch: %d services change at once, %d streams, delta, wildcard", s.services, s.streams/5),
			goal: "CPU ≤ 1.5 × floor", services: s.services, streams: s.streams / 5,
			plan: deltaWildcard, contenders: all, next: every, changes: 1, judge: cpuWithin(1.5),
		},
		changeCase{
			id: "B7-sotw", what: fmt.Sprintf("batch: %d services change at once, %d streams, SotW that names all", s.services, s.streams/5),
			goal: "CPU ≤ 1.5 × floor", services: s.services, streams: s.streams / 5,
			plan: sotwNames, contenders: all, next: every, changes: 1, judge: cpuWithin(1.5),
		},
		memoryCase{
			id: "B8", what: fmt.Sprintf("memory: %d services with %d instances, without streams and with %d that take all, delta as Envoy", s.many, s.many*instances, s.streams),
			goal: "RSS ≤ 200 MB without streams, ≤ 60 KB more for each", services: s.many, streams: s.streams,
			plan: deltaEnvoy, contenders: []string{floorName, legateName},
			judge: func(r *result) {
				r.judge(func(r row) float64 { return max(r.RSSMB/200, r.PerStreamKB/60) }, 1)
			},
		},
	}
}
