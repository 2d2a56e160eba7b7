package xdsserver

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/rest/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"legate/internal/listen"
	"legate/metrics"
	"legate/translate"
	"legate/xdsserver/admission"
)

// Server serves the snapshots that are published to it. Its methods may be called concurrently.
type Server struct {
	config      Config
	log         *slog.Logger
	metrics     *metrics.XDS
	callbacks   *callbacks
	refusals    *admission.Refusals
	oversized   *oversizes
	repeats     *repeats
	budget      *admission.Budget
	admission   *admission.Limiter
	manyNames   chan struct{} // has room for one request with many names that is worked on
	polls       *polls
	statusTurn  *turn // of who asks for the status of all clients
	xds         server.Server
	interceptor *interceptor
	sessions    *sessions
	workers     *workers

	pace pace
	seed maphash.Seed // of sums that mean nothing elsewhere

	sotwStreams, deltaStreams atomic.Int64
	rejecting                 atomic.Int64 // subscriptions with parked names

	tellAsked func(names []string)       // nil: nobody wants to know
	asked     *asked                     // nil then
	expected  func(name string) Expected // of names without a resource; nil: nothing

	publishing sync.Mutex // of one batch at a time

	mu         sync.RWMutex
	stores     map[View]*store
	datacenter string        // of the first view: where Legate stands
	ready      chan struct{} // closed when there is something to serve
	leaving    chan struct{} // closed when new clients should go elsewhere
	stopping   chan struct{} // closed when the streams are to end
}

// New makes a server; it starts nothing.
func New(config Config, log *slog.Logger, m *metrics.XDS) (*Server, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	s := &Server{
		config: config, log: log, metrics: m, seed: maphash.MakeSeed(), pace: defaultPace(),
		callbacks: newCallbacks(log, m),
		stores:    map[View]*store{},
		ready:     make(chan struct{}),
		leaving:   make(chan struct{}),
		stopping:  make(chan struct{}),
		sessions:  &sessions{open: map[*session]*time.Timer{}},
		workers:   newWorkers(),
		refusals:  admission.NewRefusals(log, m.Refused),
		oversized: newOversizes(log, m),
		repeats:   newRepeats(log, time.Now),
		manyNames: make(chan struct{}, 1),
		polls:     &polls{of: map[nodeKey]poll{}}, statusTurn: newTurn(),
		budget: admission.NewBudget(int64(config.Limits.MemoryBytes), m.MemoryRefused),
	}
	s.admission = admission.NewLimiter(config.Limits, config.MaxNames, s.budget, s.refusals, m.Connections, s.stopping)
	s.interceptor = &interceptor{
		admission: s.admission, budget: s.budget, limits: config.Limits, largest: config.MaxRequestBytes, names: config.MaxNames, nodeChanged: m.NodeChanged,
	}
	m.Serves(typeURLs()...)
	m.Memory(s.budget.Memory().Budget, s.budget.Held)
	m.Stranded(s.unfollowedOver)
	m.Subscriptions(s.subscriptions)
	s.xds = server.NewServerAdvanced(
		rest.NewServer(fetcher{s}, s.callbacks),
		sotwServer{s, identity(sotwControlPlane, config.Identifier)},
		deltaServer{s, identity(deltaControlPlane, config.Identifier)},
	)
	return s, nil
}

// Publish applies a batch to the snapshot of a view, atomically, and returns without waiting for
// any client. A view's first batch is complete: from then on the view is served. A batch may be
// empty, as the first one is where Consul has no services.
func (s *Server) Publish(view View, batch translate.Batch) {
	now := batch.At
	if now.IsZero() {
		now = time.Now()
	}
	st, opening := s.publish(view, batch, now)
	s.metrics.Published(view.String(), st.sizes(), now)
	s.interceptor.named(st.nameBytes())
	if opening {
		close(s.ready)
	}
}

// publish applies a batch, and reports whether that is the first one of all. A new view can be
// found only when its first batch is in: nobody is served an empty one.
func (s *Server) publish(view View, batch translate.Batch, now time.Time) (st *store, opening bool) {
	s.publishing.Lock()
	defer s.publishing.Unlock()
	s.mu.RLock()
	st = s.stores[view]
	s.mu.RUnlock()
	if st != nil {
		st.publish(batch, now)
		s.publishDerived(st, batch, now)
		return st, false
	}
	st = s.newStore(view)
	st.publish(batch, now)
	s.mu.Lock()
	defer s.mu.Unlock()
	if opening = len(s.stores) == 0; opening {
		s.datacenter = view.Datacenter
	}
	s.stores[view] = st
	return st, opening
}

// storeFor chooses the snapshot for a node.
func (s *Server) storeFor(node *corev3.Node) (*store, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	view := View{Datacenter: s.datacenter, Kind: kindOf(node)}
	if st := s.stores[view]; st != nil {
		return st, nil
	}
	return nil, status.Errorf(codes.Unimplemented, "%s clients are not served by this version of legate: it has resources for %s", view.Kind, Envoy)
}

// FirstRequest is closed when the first request of any client has arrived.
func (s *Server) FirstRequest() <-chan struct{} { return s.callbacks.first }

// Run serves gRPC on xds, and REST on rest unless that is nil, until the context is done. Then it
// ends the streams as Config.Drain says, and returns when all it started has ended: after the
// drain and Config.StopTimeout at the latest. What is published meanwhile is still sent. It
// closes the listeners. It can be called once.
func (s *Server) Run(ctx context.Context, xds, restListener net.Listener) error {
	g := grpc.NewServer(slices.Concat(s.config.ServerOptions(), s.limitOptions(), []grpc.ServerOption{grpc.ForceServerCodecV2(newCodec())})...)
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(g, s.xds)
	for _, t := range resourceTypes {
		g.RegisterService(s.fetchAsStream(t), s.xds)
	}
	g.RegisterService(healthService(), probe{Server: s})
	if s.config.ClientStatus != AskersOff {
		g.RegisterService(s.statusService(), s)
	}

	var watch sync.WaitGroup
	defer watch.Wait()
	watching, unwatch := context.WithCancel(context.WithoutCancel(ctx)) // also while the streams end
	defer unwatch()
	watch.Go(func() { s.admission.Run(watching) })
	watch.Go(func() { s.workers.run(watching) })
	watch.Go(func() { s.repeats.run(watching) })
	watch.Go(func() { s.callbacks.comings.run(watching) })
	watch.Go(func() { s.asked.run(watching, s.tellAsked) })
	watch.Go(func() { s.watchFaults(watching) })
	watch.Go(func() { s.budget.Run(watching) })

	xds = s.admission.Listen(xds)
	ended := make(chan error, 2)
	running := 1
	go func() { ended <- wrap("serve xds", xds.Addr(), g.Serve(xds)) }()
	h := s.restServer()
	if restListener != nil {
		running++
		restListener = s.admission.ListenREST(restListener, s.config.TLS)
		go func() { ended <- wrap("serve rest", restListener.Addr(), h.Serve(restListener)) }()
	}

	var err error
	select {
	case <-ctx.Done():
	case err = <-ended:
		running--
	}
	close(s.leaving)
	if ctx.Err() != nil && err == nil {
		var failed bool
		if err, failed = s.linger(ended); failed {
			running--
		}
	}
	s.stop(g, h, s.endStreams())
	for ; running > 0; running-- {
		err = errors.Join(err, <-ended)
	}
	return err
}

// stop ends both servers, in a friendly way at first. GracefulStop alone would wait for streams
// for ever.
func (s *Server) stop(g *grpc.Server, h *http.Server, spread time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), spread+s.config.StopTimeout)
	defer cancel()
	cut := context.AfterFunc(ctx, g.Stop)
	defer cut()
	var wg sync.WaitGroup
	wg.Go(g.GracefulStop)
	wg.Go(func() {
		if h.Shutdown(ctx) != nil {
			_ = h.Close() // what could not be shut down in time
		}
	})
	wg.Wait()
}

func wrap(operation string, address net.Addr, err error) error {
	if err == nil || errors.Is(err, http.ErrServerClosed) || errors.Is(err, grpc.ErrServerStopped) {
		return nil
	}
	return fmt.Errorf("%s %q: %w", operation, address, err)
}

// Memory says what clients have Legate hold.
func (s *Server) Memory() admission.Memory { return s.budget.Memory() }

// CertificateEnds counts a client whose connection is closed because its certificate is good no longer.
func (s *Server) CertificateEnds(client net.Addr, why error) {
	s.admission.CertificateEnds(client, why)
}

// Refused says how often clients met each limit since the start.
func (s *Server) Refused() []listen.Refused { return s.refusals.All() }
