package discovery

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
)

// consul asks questions of one Consul and believes nothing: see judge.go for that.
type consul struct {
	api         *api.Client
	address     address
	pool        *pool  // nil in tests that bring their own transport
	datacenter  string // empty: not known yet, the agent's own
	wait        time.Duration
	explainer   explainer
	credentials *credentials
	partial     bool // answers from which policies hide something are expected
}

// question is how to ask. Index 0 is answered at once; otherwise Consul answers when it has
// something newer, or when the wait is over.
type question struct {
	index      uint64
	consistent bool // ask the leader, which asks its followers whether it still is one
}

// reply is what came beside an answer's body.
type reply struct {
	question
	index    uint64 // 0: missing or not a number
	filtered bool   // Consul left something out that the token may not see
	partial  bool   // which is expected
	deny     bool   // what the token does not allow is hidden, not refused
	at       time.Time
	took     time.Duration
}

// newConsul takes the transport from rt, or makes its own if that is nil.
func newConsul(cfg Config, log *slog.Logger, rt http.RoundTripper) (*consul, error) {
	a, err := parseAddress(cfg.Address, cfg.Scheme)
	if err != nil {
		return nil, err
	}
	kept := &credentials{log: log}
	token, err := newToken(cfg.Token, cfg.TokenFile, kept)
	if err != nil {
		return nil, err
	}
	c := &consul{address: a, datacenter: cfg.Datacenter, wait: cfg.Wait, credentials: kept, partial: cfg.FilteredExpected}
	if rt == nil {
		tlsConfig, err := tlsFor(a, cfg.TLS, kept)
		if err != nil {
			return nil, err
		}
		c.pool = newPool(a, tlsConfig, cfg.MaxConnections)
		rt = c.pool
	}
	conf := &api.Config{
		Address:    a.host(),
		Scheme:     a.scheme,
		PathPrefix: a.prefix,
		Token:      libraryToken,
		HttpClient: &http.Client{
			Transport: &wire{next: rt, token: token, prefix: a.prefix, namespace: cfg.Namespace, partition: cfg.Partition},
			// Consul does not redirect, and a token must not follow one to another host.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	if cfg.HTTPAuth != (HTTPAuth{}) {
		conf.HttpAuth = &api.HttpBasicAuth{Username: cfg.HTTPAuth.Username, Password: cfg.HTTPAuth.Password}
	}
	if c.api, err = api.NewClient(conf); err != nil {
		return nil, fmt.Errorf("make consul client %q: %w", a, err)
	}
	return c, nil
}

// answerTime is how long an answer that needs no waiting may take. A cluster without a quorum
// says so after 10 to 12 s.
const answerTime = 20 * time.Second

// get asks for path and decodes the answer into out. https://developer.hashicorp.com/consul/api-docs/features/blocking
func (c *consul) get(ctx context.Context, path string, q question, out any) (reply, error) {
	opts := &api.QueryOptions{Datacenter: c.datacenter, RequireConsistent: q.consistent}
	limit := answerTime
	if q.index > 0 {
		wait := c.wait - rand.N(c.wait/4)
		opts.WaitIndex, opts.WaitTime = q.index, wait
		limit = wait*17/16 + 10*time.Second // Consul adds up to a sixteenth of its own
	}
	limited, cancel := context.WithTimeoutCause(ctx, limit, errLate)
	defer cancel()
	start := time.Now()
	meta, err := c.api.Raw().Query(path, out, opts.WithContext(limited))
	r := reply{question: q, partial: c.partial, at: time.Now(), took: time.Since(start)}
	switch {
	case err == nil:
	case errors.Is(context.Cause(limited), errLate):
		return r, fmt.Errorf("query consul %q: %w after %v", path, errLate, r.took.Round(100*time.Millisecond))
	case ctx.Err() != nil:
		return r, fmt.Errorf("query consul %q: %w", path, short(err))
	default:
		return r, fmt.Errorf("query consul %q: %w", path, c.explain(ctx, r, short(err)))
	}
	r.index, r.filtered, r.deny = meta.LastIndex, meta.ResultsFilteredByACLs, meta.DefaultACLPolicy == "deny"
	return r, nil
}

// services asks for the names of all services, each with the tags of its instances together.
func (c *consul) services(ctx context.Context, q question) (listing, reply, error) {
	var l listing
	r, err := c.get(ctx, "/v1/catalog/services", q, &l)
	if err == nil && l == nil {
		err = fmt.Errorf("query consul %q: %w: not an object", "/v1/catalog/services", errGarbage)
	}
	for _, tags := range l {
		slices.Sort(tags) // they are a set, and come in any order
	}
	return l, r, err
}

// health asks for all instances of one service with their checks, whatever their state.
func (c *consul) health(ctx context.Context, name string, q question) ([]entry, reply, error) {
	var entries []entry
	r, err := c.get(ctx, healthPath+name, q, &entries)
	switch {
	case err != nil:
	case entries == nil:
		err = fmt.Errorf("query consul %q: %w: not a list", healthPath+name, errGarbage)
	case !c.about(name, entries):
		err = fmt.Errorf("query consul %q: %w", healthPath+name, notBelieved{doubt: foreign})
	}
	return entries, r, err
}

// about says whether all entries are of the datacenter and the service that were asked for. A
// sidecar has a name of its own.
func (c *consul) about(name string, entries []entry) bool {
	for i := range entries {
		dc, service := entries[i].Node.Datacenter, entries[i].Service.Service
		if dc != "" && c.datacenter != "" && dc != c.datacenter {
			return false
		}
		if entries[i].Service.Kind == api.ServiceKindTypical && !strings.EqualFold(service, name) {
			return false
		}
	}
	return true
}

// forget closes the connections that nobody uses now.
func (c *consul) forget() {
	if c.pool != nil {
		c.pool.forget()
	}
}

// agentDatacenter asks the agent for the name of its datacenter.
func (c *consul) agentDatacenter(ctx context.Context) (string, error) {
	var self struct {
		Config struct{ Datacenter string }
	}
	if _, err := c.get(ctx, "/v1/agent/self", question{}, &self); err != nil {
		if failureOf(err) == denied {
			return "", fmt.Errorf("%w: name the datacenter with --datacenter, or give the token agent:read", err)
		}
		return "", err
	}
	if self.Config.Datacenter == "" {
		return "", fmt.Errorf("query consul %q: %w: no datacenter in it: is this address Consul's HTTP API?", "/v1/agent/self", errGarbage)
	}
	return self.Config.Datacenter, nil
}
