package watch

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"legate/discovery/consul"
)

// Datacenter asks the agent for its datacenter until there is an answer, and returns an empty name if ctx
// ended first. Where the agent refuses to tell, known is taken; an error says that it is empty, too. It
// is called before Run.
func (q *Queries) Datacenter(ctx context.Context, known string) (string, error) {
	const loop = "agent"
	pause := q.backoff()
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
		switch {
		case kind == consul.Denied && !consul.IsTokenUnknown(err): // a Consul that has just started knows no token yet
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
