package register

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"time"

	"legate/discovery/consul"
)

// Agent is what a Registrar needs of Consul's agent: *consul.Agent.
type Agent interface {
	Register(context.Context, consul.Registration) error
	Checks(ctx context.Context, id string) ([]consul.CheckState, error)
	Tell(ctx context.Context, check string, passing bool) (known bool, err error)
	Deregister(ctx context.Context, id string) error
	Node(context.Context) (name, address string, err error)
	Way(context.Context) (from netip.Addr, here bool, err error)
}

// Rooms are what a Registrar asks.
type Rooms struct {
	Facts func() Facts // without those that only the agent knows
	Ready func() bool  // whether there is something to serve
}

// Registrar keeps Legate registered.
type Registrar struct {
	config Config
	agent  Agent
	rooms  Rooms
	log    *slog.Logger

	leaving chan struct{} // closed when Legate is told to stop
	leave   func()
	left    chan struct{} // closed when it is not registered any more

	// Of Run.
	last   consul.Registration // as it was registered last
	around *Facts              // what only the agent knows; nil: it has to be asked

	mu     sync.Mutex
	status Status
}

// New makes a Registrar and starts nothing.
func New(c Config, agent Agent, rooms Rooms, log *slog.Logger) *Registrar {
	leaving := make(chan struct{})
	return &Registrar{
		config: c, agent: agent, rooms: rooms, log: log, left: make(chan struct{}),
		leaving: leaving, leave: sync.OnceFunc(func() { close(leaving) }),
		status: Status{Name: c.Name},
	}
}

// Pauses: the agent is asked every so often whether it knows Legate. After a failure it is asked again soon, and less
// and less often.
const (
	readyPoll  = 100 * time.Millisecond
	retryFirst = time.Second
	retryMost  = 30 * time.Second
	leaveRetry = 500 * time.Millisecond
	leaveTime  = 2 * time.Second
)

// Run keeps Legate registered until Leave is called, and then removes the registration. When ctx ends before, the
// registration stays.
func (r *Registrar) Run(ctx context.Context) error {
	for !r.rooms.Ready() {
		if !r.sleep(ctx, readyPoll) {
			return r.end(ctx)
		}
	}
	for retry := retryFirst; ; {
		pause := interval
		if err := r.keep(ctx); err != nil && ctx.Err() == nil {
			r.failed(err)
			r.around = nil
			pause, retry = retry, min(2*retry, retryMost)
		} else {
			retry = retryFirst
		}
		if !r.sleep(ctx, pause/2+rand.N(pause/2)) {
			return r.end(ctx)
		}
	}
}

// sleep reports whether the pause ended before ctx did, and before Leave was called.
func (r *Registrar) sleep(ctx context.Context, pause time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-r.leaving:
		return false
	case <-time.After(pause):
		return true
	}
}

// keep has the agent know Legate as it is now.
func (r *Registrar) keep(ctx context.Context) error {
	want, err := r.want(ctx)
	if err != nil {
		return err
	}
	ready := r.rooms.Ready()
	known := reflect.DeepEqual(want, r.last)
	if known {
		if known, err = r.look(ctx, want, ready); err != nil {
			return err
		}
	}
	if known || !ready { // its checks would begin as passing
		return nil
	}
	if err := r.agent.Register(ctx, want); err != nil {
		return err
	}
	r.last = want
	r.registered(want)
	return nil
}

// look tells the agent how Legate is, where it has a TTL, and asks for its checks. It reports whether the agent knows
// Legate with all its checks.
func (r *Registrar) look(ctx context.Context, want consul.Registration, ready bool) (known bool, err error) {
	for _, c := range want.Checks {
		if c.TTL == 0 {
			continue
		}
		known, err := r.agent.Tell(ctx, c.ID, ready)
		if err != nil {
			return false, err
		}
		if !known {
			r.forgotten()
			return false, nil
		}
	}
	states, err := r.agent.Checks(ctx, want.ID)
	if err != nil {
		return false, err
	}
	for _, c := range want.Checks {
		if !slices.ContainsFunc(states, func(s consul.CheckState) bool { return s.ID == c.ID }) {
			r.forgotten()
			return false, nil
		}
	}
	r.looked(states, ready)
	return true, nil
}

// want is the registration as it should be now.
func (r *Registrar) want(ctx context.Context) (consul.Registration, error) {
	f := r.rooms.Facts()
	if r.around == nil {
		around := Facts{}
		var err error
		if around.From, around.Here, err = r.agent.Way(ctx); err != nil {
			return consul.Registration{}, err
		}
		around.Node, around.NodeAddress, err = r.agent.Node(ctx)
		if err != nil && consul.FailureOf(err) != consul.Denied { // a token without agent:read learns nothing
			return consul.Registration{}, err
		}
		r.around = &around
	}
	f.From, f.Here, f.Node, f.NodeAddress = r.around.From, r.around.Here, r.around.Node, r.around.NodeAddress
	return r.config.plan(f)
}

// Leave removes the registration, if there is one. It returns when that is done, after 2 s at the latest: an agent that
// hangs does not delay the end. Run goes on trying.
func (r *Registrar) Leave() {
	r.leave()
	if r.Status().Since.IsZero() {
		return
	}
	select {
	case <-r.left:
	case <-time.After(leaveTime):
	}
}

// end removes the registration if Leave was called.
func (r *Registrar) end(ctx context.Context) error {
	select {
	case <-r.leaving:
	default:
		return nil
	}
	id := r.last.ID
	if id == "" {
		id = r.config.id(r.rooms.Facts()) // of an earlier start that crashed
	}
	for {
		err := r.agent.Deregister(ctx, id)
		if err == nil {
			r.gone()
			close(r.left)
			return nil
		}
		if ctx.Err() == nil {
			r.failed(err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(leaveRetry):
		}
	}
}
