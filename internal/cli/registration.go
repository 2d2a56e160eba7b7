package cli

import (
	"context"
	"log/slog"
	"net"

	"legate/discovery/consul"
	"legate/internal/admin"
	"legate/internal/listen"
	"legate/internal/register"
	"legate/metrics"
)

// registration keeps Legate registered in Consul; nil: it was not asked for.
type registration struct {
	*register.Registrar
	agent *consul.Agent
}

// registration makes what --register asks for.
func (o *serveOptions) registration(open listeners, rooms register.Rooms, log *slog.Logger, m *metrics.Process) (*registration, error) {
	if !o.register.on {
		return nil, nil
	}
	agent, err := consul.NewAgent(o.consul.Consul, log)
	if err != nil {
		return nil, err
	}
	facts := rooms.Facts
	rooms.Facts = func() register.Facts {
		f := facts()
		f.Host = hostname()
		f.XDS, f.Metrics = listenerOf(open.xds, o.listen.tls), listenerOf(open.metrics, listen.TLS{})
		f.Admin = listenerOf(open.admin[0], o.listen.adminTLS)
		return f
	}
	r := &registration{register.New(o.register.config, agent, rooms, log), agent}
	m.Registration(func() string { return r.Status().State() })
	return r, nil
}

// run keeps Legate registered until it leaves, or ctx ends.
func (r *registration) run(ctx context.Context) error {
	if r == nil {
		return nil
	}
	defer r.agent.Close()
	return r.Run(ctx)
}

// end removes the registration: no more clients shall come.
func (r *registration) end() {
	if r != nil {
		r.Leave()
	}
}

// status is nil if it was not asked for.
func (r *registration) status() *register.Status {
	if r == nil {
		return nil
	}
	s := r.Status()
	return &s
}

// troubles returns what is wrong with it now.
func (r *registration) troubles() []admin.Trouble {
	if r == nil {
		return nil
	}
	s := r.Status()
	if s.Failing.IsZero() {
		return nil
	}
	return []admin.Trouble{{Kind: "registration", Since: s.Failing, Detail: "registration in Consul: " + s.Problem, Remedy: s.Remedy}}
}

func listenerOf(l net.Listener, t listen.TLS) (of register.Listener) {
	if l == nil {
		return of
	}
	switch at := l.Addr().(type) {
	case *net.TCPAddr:
		return register.Listener{At: at.AddrPort(), TLS: t.On(), Asks: t.ClientCAFile != ""}
	default:
		return register.Listener{Socket: at.String()}
	}
}
