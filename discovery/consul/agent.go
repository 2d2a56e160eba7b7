package consul

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/hashicorp/consul/api"
)

// Agent is the agent as the one that Legate itself is a service of. It has one connection of its own, so that
// neither the questions about the catalog nor this ever wait for each other. One goroutine uses it.
type Agent struct {
	client *Client
	with   string // the token of the last registration: the agent goes on using it for this service
	right  string // the rule that allows what is asked for
}

// NewAgent is the agent at the address of cfg.
func NewAgent(cfg Config, log *slog.Logger) (*Agent, error) {
	cfg.MaxConnections, cfg.Datacenter = 1, "" // what is asked of an agent is about itself
	c, err := New(cfg, log, nil)
	if err != nil {
		return nil, err
	}
	return &Agent{client: c}, nil
}

// Close closes the connection.
func (a *Agent) Close() { a.client.Close() }

// Address is the agent's, as a person would write it.
func (a *Agent) Address() string { return a.client.Address() }

// Registration is a service of the agent.
type Registration struct {
	ID, Name string
	Address  string // empty: the agent's own
	Port     int
	Socket   string // path of a unix socket, instead of Address and Port
	Tags     []string
	Meta     map[string]string
	Checks   []AgentCheck
}

// AgentCheck is a check that the agent runs or, with a TTL, that somebody tells it the result of.
type AgentCheck struct {
	ID, Name string
	GRPC     string // host:port of a health service (grpc.health.v1)
	TLS      bool   // GRPC and HTTP: nobody asks whose certificate it is
	HTTP     string // URL
	Interval time.Duration
	Timeout  time.Duration
	TTL      time.Duration
	// RemoveAfter is for how long it may be critical before the agent removes the service.
	RemoveAfter time.Duration
}

// CheckState is what the agent says of a check.
type CheckState struct{ ID, Status, Output string }

// agentTime is how long the agent may take to answer: it asks nobody else.
const agentTime = 5 * time.Second

// Register makes r a service of the agent, in place of the one that has its id. Its checks begin as passing. It takes
// service:write on the name.
// https://developer.hashicorp.com/consul/api-docs/agent/service#register-service
func (a *Agent) Register(ctx context.Context, r Registration) error {
	body := &api.AgentServiceRegistration{ID: r.ID, Name: r.Name, Address: r.Address, Port: r.Port, SocketPath: r.Socket, Tags: r.Tags, Meta: r.Meta}
	for _, c := range r.Checks {
		check := &api.AgentServiceCheck{CheckID: c.ID, Name: c.Name, Status: api.HealthPassing, DeregisterCriticalServiceAfter: c.RemoveAfter.String()}
		switch {
		case c.TTL > 0:
			check.TTL = c.TTL.String()
		case c.GRPC != "":
			check.GRPC, check.GRPCUseTLS = c.GRPC, c.TLS
		default:
			check.HTTP = c.HTTP
		}
		if c.TTL == 0 {
			check.Interval, check.Timeout, check.TLSSkipVerify = c.Interval.String(), c.Timeout.String(), c.TLS
		}
		body.Checks = append(body.Checks, check)
	}
	with := a.client.token.current()
	a.right = writePolicy(r.Name)
	err := a.ask(ctx, "register", r.Name, func(ctx context.Context) error {
		return a.client.api.Agent().ServiceRegisterOpts(body, api.ServiceRegisterOpts{ReplaceExistingChecks: true}.WithContext(ctx))
	})
	if err == nil {
		a.with = with
	}
	return err
}

// Checks are those of a service of the agent; none: it has no such service, or has it with another token than today's.
func (a *Agent) Checks(ctx context.Context, id string) ([]CheckState, error) {
	if a.client.token.current() != a.with {
		return nil, nil
	}
	var all map[string]struct{ CheckID, Status, Output string }
	err := a.ask(ctx, "look for", id, func(ctx context.Context) error {
		_, err := a.client.api.Raw().Query("/v1/agent/checks", &all, (&api.QueryOptions{Filter: fmt.Sprintf("ServiceID == %q", id)}).WithContext(ctx))
		return err
	})
	var states []CheckState
	for _, c := range all {
		states = append(states, CheckState{c.CheckID, c.Status, c.Output})
	}
	return states, err
}

// Tell tells the agent the result of a check with a TTL. It reports whether the agent has such a check.
func (a *Agent) Tell(ctx context.Context, check string, passing bool) (known bool, err error) {
	status, note := api.HealthCritical, "not ready"
	if passing {
		status, note = api.HealthPassing, "ready"
	}
	err = a.ask(ctx, "update", check, func(ctx context.Context) error {
		return a.client.api.Agent().UpdateTTLOpts(check, note, status, (&api.QueryOptions{}).WithContext(ctx))
	})
	if isUnknown(err) {
		return false, nil
	}
	return err == nil, err
}

// Deregister removes a service of the agent. One that is not there is removed already.
func (a *Agent) Deregister(ctx context.Context, id string) error {
	err := a.ask(ctx, "deregister", id, func(ctx context.Context) error {
		return a.client.api.Agent().ServiceDeregisterOpts(id, (&api.QueryOptions{}).WithContext(ctx))
	})
	if isUnknown(err) {
		return nil
	}
	return err
}

// Node is the name and the address of the agent's node. It takes agent:read.
func (a *Agent) Node(ctx context.Context) (name, address string, err error) {
	var self struct{ Member struct{ Name, Addr string } }
	limited, cancel := context.WithTimeoutCause(ctx, agentTime, ErrTimeout)
	defer cancel()
	_, err = a.client.get(limited, "/v1/agent/self", Question{}, &self)
	return self.Member.Name, self.Member.Addr, err
}

// Way says from which address this machine reaches the agent, and whether the agent is on this machine.
func (a *Agent) Way(ctx context.Context) (from netip.Addr, here bool, err error) {
	if a.client.address.network == "unix" {
		return netip.Addr{}, true, nil
	}
	conn, err := new(net.Dialer).DialContext(ctx, "udp", a.client.address.dial) // sends nothing
	if err != nil {
		return netip.Addr{}, false, fmt.Errorf("find the way to consul's agent at %q: %w", a.Address(), err)
	}
	defer conn.Close()
	own, other := addrOf(conn.LocalAddr()), addrOf(conn.RemoteAddr())
	return own, own == other || other.IsLoopback(), nil
}

func addrOf(a net.Addr) netip.Addr {
	udp, _ := a.(*net.UDPAddr)
	return udp.AddrPort().Addr().Unmap()
}

// ask has a time limit, and says in an error what was wanted of the agent.
func (a *Agent) ask(ctx context.Context, what, name string, do func(context.Context) error) error {
	limited, cancel := context.WithTimeoutCause(ctx, agentTime, ErrTimeout)
	defer cancel()
	err := do(limited)
	switch {
	case err == nil:
		return nil
	case errors.Is(context.Cause(limited), ErrTimeout):
		err = ErrTimeout
	default:
		err = short(err)
	}
	err = fmt.Errorf("%s %q at consul's agent: %w", what, name, err)
	if FailureOf(err) == Denied {
		return noWrite{a.right, err}
	}
	return err
}

// isUnknown says that the agent does not have what was named.
func isUnknown(err error) bool {
	var status api.StatusError
	return errors.As(err, &status) && status.Code == http.StatusNotFound && strings.Contains(strings.ToLower(status.Body), "unknown")
}

// noWrite is the error of a token that may not register a service.
type noWrite struct {
	right string // the rule that its policy lacks
	err   error
}

func (e noWrite) Error() string { return e.err.Error() }
func (e noWrite) Unwrap() error { return e.err }

func (e noWrite) remedy() string { return "add to the token's policy: " + e.right }

// writePolicy is the rule that allows to register a service.
func writePolicy(name string) string { return fmt.Sprintf(`service %q { policy = "write" }`, name) }

// writeRight asks whether the token may register a service of that name.
func (c *Client) writeRight(ctx context.Context, name string) Right {
	r := Right{Policy: writePolicy(name), For: "to register Legate itself (--register)"}
	allowed, err := c.authorized(ctx, name)
	r.Err, r.Hidden = err, !allowed
	return r
}

// authorized asks what Consul's own page asks: there is no other way to know without doing it.
func (c *Client) authorized(ctx context.Context, name string) (bool, error) {
	const path = "/v1/internal/acl/authorize"
	limited, cancel := context.WithTimeoutCause(ctx, agentTime, ErrTimeout)
	defer cancel()
	want, err := json.Marshal([]map[string]string{{"Resource": "service", "Access": "write", "Segment": name}})
	if err != nil {
		return false, fmt.Errorf("query consul %q: %w", path, err)
	}
	request, err := http.NewRequestWithContext(limited, http.MethodPost, c.address.scheme+"://"+c.address.host()+c.address.prefix+path, bytes.NewReader(want))
	if err != nil {
		return false, fmt.Errorf("query consul %q: %w", path, err)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return false, fmt.Errorf("query consul %q: %w", path, short(err))
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	if err != nil {
		return false, fmt.Errorf("query consul %q: %w", path, short(err))
	}
	if response.StatusCode == http.StatusUnauthorized && bytes.Contains(body, []byte("ACL support disabled")) {
		return true, nil // everybody may do everything
	}
	var said []struct{ Allow bool }
	if err := json.Unmarshal(body, &said); response.StatusCode != http.StatusOK || err != nil || len(said) != 1 {
		return false, fmt.Errorf("query consul %q: %w: status %s", path, errGarbage, response.Status)
	}
	return said[0].Allow, nil
}
