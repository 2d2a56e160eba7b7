package consul

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/consul/api"
)

// explainer finds out causes of failures that one failed query alone does not show: that a proxy in
// between cuts long waits, and which datacenters Consul knows.
type explainer struct {
	mu       sync.Mutex
	cutAfter time.Duration // how long the last blocking query that lost its connection had waited
	cutAt    time.Time     // when it lost it
	limit    time.Duration // after how long waits are cut; 0: they are not, as far as is known
	brokenAt time.Time     // when a query that does not wait failed to connect last

	askedAt     time.Time // when Consul was asked for its datacenters last
	datacenters []string
}

// explain adds to a query's error what is known of its cause.
func (c *Client) explain(ctx context.Context, r Reply, err error) error {
	var status api.StatusError
	errors.As(err, &status)
	waited := r.Question.Index > 0
	switch {
	case status.Code == http.StatusGatewayTimeout && !waited:
		return fmt.Errorf("%w: %w", ErrTimeout, err)
	case status.Code == http.StatusGatewayTimeout, c.explainer.cuts(r, err):
		return waitCut{after: r.Took.Round(time.Second), err: err}
	case c.address.scheme == "https" && isCrowded(err):
		return crowded{err}
	case strings.Contains(status.Body, "No path to datacenter") && c.datacenter != "":
		return noPath{datacenter: c.datacenter, other: c.sibling, known: c.knownDatacenters(ctx), err: err}
	}
	return err
}

// cutFrom is the shortest wait whose end counts as cut by something in between.
const cutFrom = 5 * time.Second

// cuts says that something in between cuts blocking queries: two lost their connections after waits
// of about the same length, one after the other, and in between Consul could be reached.
func (e *explainer) cuts(r Reply, err error) bool {
	if FailureOf(err) != Unreachable {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if r.Question.Index == 0 {
		e.brokenAt, e.limit = r.At, 0
		return false
	}
	if r.Took < cutFrom {
		return false
	}
	alike := func(d time.Duration) bool { return (r.Took - d).Abs() <= max(time.Second, d/20) }
	later := r.At.Sub(e.cutAt) > r.Took/2 // else both were opened together, and prove nothing
	if alike(e.cutAfter) && later && e.brokenAt.Before(e.cutAt) {
		e.limit = r.Took
	}
	if later || !alike(e.cutAfter) {
		e.cutAfter, e.cutAt = r.Took, r.At
	}
	return alike(e.limit)
}

// waitCut is the error of a blocking query that something between Legate and Consul cut.
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

// crowded is an error over HTTPS that may mean that Consul allows no more connections. Over plain HTTP
// it says so; over HTTPS it breaks the connection while TLS begins.
type crowded struct{ err error }

func (e crowded) Error() string { return e.err.Error() }
func (e crowded) Unwrap() error { return e.err }

func (e crowded) remedy() string {
	if FailureOf(e.err) == Busy {
		return fewerConnections
	}
	return Unreachable.remedy() + "; over HTTPS Consul breaks connections like this, too, when it allows no more: " + fewerConnections
}

// isCrowded says that Consul refused a connection for being one too many, or broke it. It does neither
// where there is nobody, or somebody who refuses Legate's certificate.
func isCrowded(err error) bool {
	var status api.StatusError
	if errors.As(err, &status) {
		return strings.Contains(status.Body, "too many concurrent connections")
	}
	var op *net.OpError
	if errors.As(err, &op) && (op.Op == "dial" || op.Op == "remote error") {
		return false
	}
	return FailureOf(err) == Unreachable
}

// noPath is the error of a query about a datacenter that Consul does not reach.
type noPath struct {
	datacenter string
	other      bool     // than the one whose services are served by their names alone
	known      []string // the datacenters that Consul knows; empty: it did not say
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
		return Unavailable.remedy()
	case slices.Contains(e.known, e.datacenter):
		return fmt.Sprintf("Consul knows the datacenter %q and does not reach its servers: check whether they run, and the network between the datacenters", e.datacenter)
	}
	setting := "--datacenter"
	if e.other {
		setting = "--datacenters"
	}
	return fmt.Sprintf("Consul does not know the datacenter %q, only %s: put %s right", e.datacenter, strings.Join(e.known, ", "), setting)
}

// knownDatacenters are those that the agent knows; empty if it does not say. It is asked twice a
// minute at most.
func (c *Client) knownDatacenters(ctx context.Context) []string {
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
