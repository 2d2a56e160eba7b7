package watch

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"legate/discovery/consul"
)

// tokenUnknownFor is how long a Consul may not know Legate's token when Legate starts. One that has just started, too,
// has not read its tokens yet; beyond that it is taken for a wrong token.
const tokenUnknownFor = 15 * time.Second

// Datacenter asks the agent for its datacenter until there is an answer, and returns an empty name if ctx
// ended first. Where the agent refuses to tell, known is taken; an error says that it is empty, too. It
// is called before Run.
func (q *Queries) Datacenter(ctx context.Context, known string) (string, error) {
	const loop = "agent"
	pause := q.backoff()
	var unknownSince time.Time // when the token was said to be unknown first
	for ctx.Err() == nil {
		name, err := q.client.AgentDatacenter(ctx)
		if err == nil {
			q.outages.answered(loop, time.Now())
			return name, nil
		}
		if ctx.Err() != nil {
			break
		}
		kind := consul.FailureOf(err)
		if (kind == consul.Denied || kind == consul.Refused) && known != "" { // what was known ends with nothing
			q.log.Warn("consul's agent does not tell its datacenter, taking that of the last known catalog",
				"datacenter", known, "error", err, "remedy", consul.RemedyOf(err))
			return known, nil
		}
		if !consul.IsTokenUnknown(err) {
			unknownSince = time.Time{}
		} else if unknownSince.IsZero() {
			unknownSince = time.Now()
		}
		switch {
		case kind == consul.Denied && (unknownSince.IsZero() || time.Since(unknownSince) >= tokenUnknownFor):
			return "", err
		case kind == consul.Refused:
			return "", fmt.Errorf("%w (%s)", err, consul.RemedyOf(err))
		}
		q.outages.failed(loop, err, time.Now())
		if isAway(kind) && q.cfg.Canary > 0 {
			sleep(ctx, probeMin+rand.N(probeMax-probeMin)) // as the canary does, that comes later
			continue
		}
		q.backOff(ctx, &pause)
	}
	return "", nil
}
