package consul

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/discovery/catalog"
)

// Client asks questions of one Consul. Whether an answer is believed is not decided here.
type Client struct {
	config      Config
	api         *api.Client
	http        *http.Client      // what it asks with
	transport   http.RoundTripper // over which that goes
	token       *token
	address     address
	pool        *pool  // nil in tests that bring their own transport
	datacenter  string // empty: not known yet, the agent's own
	peer        string // of the agent's own datacenter; empty: the datacenter itself
	wait        time.Duration
	limit       int // of connections
	explainer   explainer
	credentials *credentials
	shares      *shares // of what can be under way at once
	share       *share  // its own
	sibling     bool    // another client made the pool, and closes it
	imports     imports // of the peer
}

// Question is how to ask. Index 0 is answered at once; otherwise Consul answers when it has
// something newer, or when the wait is over: Config.Wait, or Wait if that is shorter and not 0.
type Question struct {
	Index      uint64
	Wait       time.Duration
	Consistent bool // ask the leader, which asks its followers whether it still is one
}

// Reply is what came beside an answer's body.
type Reply struct {
	Question
	Index       uint64 // 0: missing or not a number
	Filtered    bool   // Consul left something out that the token may not see
	DefaultDeny bool   // what the token does not allow is hidden, not refused
	At          time.Time
	Took        time.Duration
}

// New takes the transport from rt, or makes its own if that is nil.
func New(cfg Config, log *slog.Logger, rt http.RoundTripper) (*Client, error) {
	a, err := parseAddress(cfg.Address, cfg.Scheme)
	if err != nil {
		return nil, err
	}
	kept := &credentials{log: log}
	token, err := newToken(cfg.Token, cfg.TokenFile, kept)
	if err != nil {
		return nil, err
	}
	c := &Client{token: token, address: a, datacenter: cfg.Datacenter, wait: cfg.Wait, limit: cfg.MaxConnections, credentials: kept}
	if rt == nil {
		tlsConfig, err := tlsFor(a, cfg.TLS, kept)
		if err != nil {
			return nil, err
		}
		c.pool = newPool(a, tlsConfig, cfg.MaxConnections)
		rt = c.pool
	}
	c.shares = newShares(c.room)
	c.share = c.shares.add()
	c.transport, c.config = rt, cfg
	return c, c.connect()
}

// connect makes the API client, whose requests go through the gate.
func (c *Client) connect() (err error) {
	cfg := c.config
	c.http = &http.Client{
		Transport: &wire{next: &gate{next: c.transport, client: c}, token: c.token, prefix: c.address.prefix, namespace: cfg.Namespace, partition: cfg.Partition},
		// Consul does not redirect, and a token must not follow one to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	conf := &api.Config{
		Address:    c.address.host(),
		Scheme:     c.address.scheme,
		PathPrefix: c.address.prefix,
		Token:      libraryToken,
		HttpClient: c.http,
	}
	if cfg.HTTPAuth != (HTTPAuth{}) {
		conf.HttpAuth = &api.HttpBasicAuth{Username: cfg.HTTPAuth.Username, Password: cfg.HTTPAuth.Password}
	}
	if c.api, err = api.NewClient(conf); err != nil {
		return fmt.Errorf("make consul client %q: %w", c.address, err)
	}
	return nil
}

// answerTime is how long an answer that needs no waiting may take. A cluster without a quorum
// says so after 10 to 12 s.
const answerTime = 20 * time.Second

// get asks for path and decodes the answer into out. https://developer.hashicorp.com/consul/api-docs/features/blocking
func (c *Client) get(ctx context.Context, path string, q Question, out any) (Reply, error) {
	opts := &api.QueryOptions{Datacenter: c.datacenter, Peer: c.peer, RequireConsistent: q.Consistent}
	limit := answerTime
	if q.Index > 0 {
		wait := c.wait
		if q.Wait > 0 {
			wait = min(wait, q.Wait)
		}
		wait -= rand.N(wait / 4)
		opts.WaitIndex, opts.WaitTime = q.Index, wait
		limit = wait*17/16 + 10*time.Second // Consul adds up to a sixteenth of its own
	}
	limited, cancel := context.WithTimeoutCause(ctx, limit, ErrTimeout)
	defer cancel()
	start := time.Now()
	meta, err := c.api.Raw().Query(path, out, opts.WithContext(limited))
	r := Reply{Question: q, At: time.Now(), Took: time.Since(start)}
	switch {
	case err == nil:
	case errors.Is(context.Cause(limited), ErrTimeout):
		return r, fmt.Errorf("query consul %q: %w after %v", path, ErrTimeout, r.Took.Round(100*time.Millisecond))
	case ctx.Err() != nil:
		return r, fmt.Errorf("query consul %q: %w", path, short(err))
	default:
		return r, fmt.Errorf("query consul %q: %w", path, c.explain(ctx, r, short(err)))
	}
	r.Index, r.Filtered, r.DefaultDeny = meta.LastIndex, meta.ResultsFilteredByACLs, meta.DefaultACLPolicy == "deny"
	return r, nil
}

// Services asks for the names of all services, each with the tags of its instances together. Those of a
// peer come without tags.
func (c *Client) Services(ctx context.Context, q Question) (Listing, Reply, error) {
	if c.peer != "" {
		return c.imported(ctx, q)
	}
	var l Listing
	r, err := c.get(ctx, "/v1/catalog/services", q, &l)
	if err == nil && l == nil {
		err = fmt.Errorf("query consul %q: %w: not an object", "/v1/catalog/services", errGarbage)
	}
	for _, tags := range l {
		slices.Sort(tags) // they are a set, and come in any order
	}
	return l, r, err
}

// Health asks for all instances of one service with their checks, whatever their state.
func (c *Client) Health(ctx context.Context, key catalog.ServiceKey, q Question) (Reading, Reply, error) {
	var entries []entry
	path := healthPath + key.Name
	r, err := c.get(ctx, path, q, &entries)
	switch {
	case err != nil:
	case entries == nil:
		err = fmt.Errorf("query consul %q: %w: not a list", path, errGarbage)
	case !c.about(key.Name, entries):
		err = fmt.Errorf("query consul %q: %w", path, errForeign)
	}
	if err != nil {
		return Reading{}, r, err
	}
	return readingOf(key, entries), r, nil
}

// HasChecks says whether Consul tells all checks of the site. Asked for those of a peer, it tells the own
// datacenter's.
func (c *Client) HasChecks() bool { return c.peer == "" }

// Checks asks for all checks there are.
func (c *Client) Checks(ctx context.Context, q Question) ([]Check, Reply, error) {
	var checks []Check
	r, err := c.get(ctx, "/v1/health/state/any", q, &checks)
	return checks, r, err
}

// about says whether all entries are of the site and the service that were asked for. A sidecar has a
// name of its own. What a peer exports is in a datacenter of the peer's, whatever that is called.
func (c *Client) about(name string, entries []entry) bool {
	for i := range entries {
		dc, service := entries[i].Node.Datacenter, entries[i].Service.Service
		if entries[i].Node.PeerName != c.peer {
			return false
		}
		if c.peer == "" && dc != "" && c.datacenter != "" && dc != c.datacenter {
			return false
		}
		if entries[i].Service.Kind == api.ServiceKindTypical && !strings.EqualFold(service, name) {
			return false
		}
	}
	return true
}

// Address is Consul's address, as a person would write it.
func (c *Client) Address() string { return c.address.String() }

// SetDatacenter says which datacenter is asked about from now on. It is called before anything is asked.
func (c *Client) SetDatacenter(name string) { c.datacenter = name }

// CloseIdle closes the connections that nobody uses now. It is called when one has proved dead: the
// others may be, too.
func (c *Client) CloseIdle() {
	if c.pool != nil && !c.sibling { // that another site hangs says nothing of the connections to the agent
		c.pool.closeIdle(true)
	}
}

// Close ends all questions and connections, and waits until they have ended. A client made with At gives
// its share back, and leaves the connections to the one that it was made of.
func (c *Client) Close() {
	if c.sibling {
		c.shares.remove(c.share)
		return
	}
	if c.pool != nil {
		c.pool.close()
	}
}

// Capacity is how many questions can be under way at once: the share of this client, if there are others.
func (c *Client) Capacity() int { return c.shares.limit(c.share) }

// MaxConnections is how many connections there may be.
func (c *Client) MaxConnections() int { return c.limit }

// Connections is how many connections are open now, or being opened, and whether Consul was seen to
// speak HTTP/2 on them.
func (c *Client) Connections() (open int, http2 bool) {
	if c.pool == nil {
		return 0, false
	}
	return c.pool.open(), c.pool.multiplexed()
}

// Pool says how the connections are used now.
func (c *Client) Pool() Pool {
	if c.pool == nil {
		return Pool{Limit: c.limit}
	}
	return c.pool.status()
}

// Problems are the files that cannot be used.
func (c *Client) Problems() []catalog.Problem { return c.credentials.problems() }

// AgentDatacenter asks the agent for the name of its datacenter.
func (c *Client) AgentDatacenter(ctx context.Context) (string, error) {
	var self struct {
		Config struct{ Datacenter string }
	}
	if _, err := c.get(ctx, "/v1/agent/self", Question{}, &self); err != nil {
		if FailureOf(err) == Denied {
			return "", fmt.Errorf("%w: name the datacenter with --datacenter, or give the token agent:read", err)
		}
		return "", err
	}
	if self.Config.Datacenter == "" {
		return "", fmt.Errorf("query consul %q: %w: no datacenter in it: is this address Consul's HTTP API?", "/v1/agent/self", errGarbage)
	}
	return self.Config.Datacenter, nil
}
