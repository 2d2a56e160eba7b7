package consul

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

// Inspection is what is known of a Consul beside its catalog, for whoever sets Legate up.
type Inspection struct {
	// Versions are those of the agent and of the servers, sorted; none if the token may see neither.
	Versions []string
	// Limit is how many connections the agent allows an address (limits.http_max_conns_per_client); 0: it is not told.
	Limit int
	// Ahead is by how much this machine's clock is ahead of the one of what answers, at least; negative: it is behind.
	Ahead time.Duration
	// Room is how many requests a connection takes at once: 1 over HTTP/1.1.
	Room int
	// Rights are those that Legate uses.
	Rights []Right
	// Write is the right to register Legate itself, if that was asked for.
	Write Right
	// Node is the name of the agent's node. Empty: the token may not know.
	Node string
}

// Right is something that the token should allow.
type Right struct {
	Policy string // the rule that allows it
	For    string // what Legate does with it
	Needed bool   // Legate does not work without it
	Err    error  // why it is refused, or why nobody can tell
	Hidden bool   // a part of the answer is
}

// Has reports whether the token allows it.
func (r Right) Has() bool { return r.Err == nil && !r.Hidden }

// Inspect asks for each right by using it, except for the one to register Legate as a service of a name; empty: it need
// not be. The error is one that has nothing to do with rights: nothing answers.
func (c *Client) Inspect(ctx context.Context, as string) (i Inspection, err error) {
	if i.Ahead, err = c.ahead(ctx); err != nil {
		return i, err
	}
	var self struct {
		Config      struct{ Version, NodeName string }
		DebugConfig struct{ HTTPMaxConnsPerClient int }
	}
	_, ofSelf := c.get(ctx, "/v1/agent/self", Question{}, &self)
	i.Limit = self.DebugConfig.HTTPMaxConnsPerClient
	i.Node = self.Config.NodeName
	i.note(self.Config.Version)
	if as != "" {
		i.Write = c.writeRight(ctx, as)
	}

	_, names, ofServices := c.Services(ctx, Question{Consistent: true})
	var servers []struct{ NodeMeta map[string]string }
	if _, err := c.get(ctx, "/v1/catalog/service/consul", Question{}, &servers); err == nil {
		for _, s := range servers {
			i.note(s.NodeMeta["consul-version"])
		}
	}
	var nodes []struct{ Node string }
	listed, ofNodes := c.get(ctx, "/v1/catalog/nodes", Question{}, &nodes)
	if i.Room = 1; c.pool != nil {
		i.Room = max(1, c.pool.capacity()/c.limit)
	}
	hidden := func(r Reply) bool { return r.Filtered || r.DefaultDeny && c.token.current() == "" } // without a token Consul does not say so
	i.Rights = []Right{
		{`service_prefix "" { policy = "read" }`, "to see services, and config entries about them", true, ofServices, hidden(names)},
		{`node_prefix "" { policy = "read" }`, "to see the instances that run on nodes, and the checks of nodes", true, ofNodes, hidden(listed)},
		{`agent_prefix "" { policy = "read" }`, "to learn the name of the datacenter (--datacenter does, too)", c.datacenter == "", ofSelf, false},
	}
	return i, nil
}

func (i *Inspection) note(version string) {
	if version != "" && !slices.Contains(i.Versions, version) {
		i.Versions = append(i.Versions, version)
		slices.Sort(i.Versions)
	}
}

// ahead compares the clocks. An answer's date is of some moment between question and answer, without what is less than
// a second. The leader's address needs no right.
func (c *Client) ahead(ctx context.Context) (time.Duration, error) {
	const path = "/v1/status/leader"
	limited, cancel := context.WithTimeoutCause(ctx, answerTime, ErrTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(limited, http.MethodGet, c.address.scheme+"://"+c.address.host()+c.address.prefix+path, nil)
	if err != nil {
		return 0, fmt.Errorf("query consul %q: %w", path, err)
	}
	asked := time.Now()
	response, err := c.http.Do(request)
	if err != nil {
		return 0, fmt.Errorf("query consul %q: %w", path, short(err))
	}
	answered := time.Now()
	_, _ = io.Copy(io.Discard, response.Body) // so that the connection can be used again
	_ = response.Body.Close()
	date, err := http.ParseTime(response.Header.Get("Date"))
	if err != nil {
		return 0, nil // it tells no time
	}
	return between(date, asked, answered), nil
}

// between is by how much a clock that showed a moment between two others is ahead of one that said date, at least.
func between(date, asked, answered time.Time) time.Duration {
	switch until := date.Add(time.Second); {
	case asked.After(until):
		return asked.Sub(until)
	case answered.Before(date):
		return answered.Sub(date)
	}
	return 0
}
