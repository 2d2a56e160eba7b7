package discovery

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/consul/api"
)

// explainer finds out what a failed query alone does not say.
type explainer struct {
	mu       sync.Mutex
	cutAfter time.Duration // how long a query had waited that lost its connection
	cutAt    time.Time     // when that was
	limit    time.Duration // how long something in between lets queries wait; 0: for ever, as far as is known
	brokenAt time.Time     // when a question that needs no waiting found no connection last

	askedAt     time.Time // for the datacenters
	datacenters []string
}

// explain is a query's error with what is known of its cause.
func (c *consul) explain(ctx context.Context, r reply, err error) error {
	var status api.StatusError
	errors.As(err, &status)
	waited := r.question.index > 0
	switch {
	case status.Code == http.StatusGatewayTimeout && !waited:
		return fmt.Errorf("%w: %w", errLate, err)
	case status.Code == http.StatusGatewayTimeout, c.explainer.cuts(r, err):
		return waitCut{after: r.took.Round(time.Second), err: err}
	case strings.Contains(status.Body, "No path to datacenter") && c.datacenter != "":
		return noPath{datacenter: c.datacenter, known: c.knownDatacenters(ctx), err: err}
	}
	return err
}

// cutFrom is how long a query must have waited at least to be called cut by something in between.
const cutFrom = 5 * time.Second

// cuts says that something in between ends queries that wait: one lost its connection after as long
// as one before it, while Consul could be reached all the time.
func (e *explainer) cuts(r reply, err error) bool {
	if failureOf(err) != unreachable {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if r.question.index == 0 {
		e.brokenAt, e.limit = r.at, 0
		return false
	}
	if r.took < cutFrom {
		return false
	}
	alike := func(d time.Duration) bool { return (r.took - d).Abs() <= max(time.Second, d/20) }
	later := r.at.Sub(e.cutAt) > r.took/2 // one that was opened together with it says nothing new
	if alike(e.cutAfter) && later && e.brokenAt.Before(e.cutAt) {
		e.limit = r.took
	}
	if later || !alike(e.cutAfter) {
		e.cutAfter, e.cutAt = r.took, r.at
	}
	return alike(e.limit)
}

// waitCut is a query that something between Legate and Consul ended while it waited.
type waitCut struct {
	after time.Duration
	err   error
}

func (e waitCut) Error() string { return fmt.Sprintf("%v, after %v of waiting", e.err, e.after) }
func (e waitCut) Unwrap() error { return e.err }

func (e waitCut) remedy() string {
	return fmt.Sprintf("something between Legate and Consul, such as a proxy, ends queries that wait for %v: let it wait for 75s, go to Consul's agent itself, or set --consul-wait %v",
		e.after, max(time.Second, (e.after*5/6).Truncate(time.Second)))
}

// noPath is a query about a datacenter that Consul does not reach.
type noPath struct {
	datacenter string
	known      []string // empty: not known
	err        error
}

func (e noPath) Error() string {
	if len(e.known) == 0 {
		return e.err.Error()
	}
	return fmt.Sprintf("%v: it knows %s", e.err, strings.Join(e.known, ", "))
}
func (e noPath) Unwrap() error { return e.err }

func (e noPath) remedy() string {
	switch {
	case len(e.known) == 0:
		return unavailable.remedy()
	case slices.Contains(e.known, e.datacenter):
		return fmt.Sprintf("Consul knows the datacenter %q and does not reach its servers: check whether they run, and the network between the datacenters", e.datacenter)
	}
	return fmt.Sprintf("Consul does not know the datacenter %q, only %s: put --datacenter right", e.datacenter, strings.Join(e.known, ", "))
}

// knownDatacenters are those that the agent knows, asked for twice a minute at most; empty if it
// does not say.
func (c *consul) knownDatacenters(ctx context.Context) []string {
	e := &c.explainer
	e.mu.Lock()
	defer e.mu.Unlock()
	if time.Since(e.askedAt) < 30*time.Second {
		return e.datacenters
	}
	ctx, cancel := context.WithTimeout(ctx, cutFrom)
	defer cancel()
	var names []string
	_, err := c.api.Raw().Query("/v1/catalog/datacenters", &names, (&api.QueryOptions{}).WithContext(ctx))
	if err != nil {
		names = nil
	}
	slices.Sort(names)
	e.askedAt, e.datacenters = time.Now(), names
	return names
}
