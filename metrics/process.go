package metrics

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Process describes the program itself.
type Process struct {
	reloads    *prometheus.CounterVec
	reloadedAt prometheus.Gauge
	reloadedOK prometheus.Gauge
	registry   prometheus.Registerer

	registration atomic.Pointer[func() string]
}

func newProcess(d declarer) *Process {
	d.by("internal/cli").once("the listeners are open").declare(certificateName, "gauge", certificateHelp, []label{of("listener", "xds", "admin")})
	p := &Process{
		reloads: d.counters("legate_config_reloads_total",
			"Attempts to take over a changed configuration file by outcome.", of("outcome", "ok", "rejected")),
		reloadedOK: d.gauge("legate_config_last_reload_successful",
			"0 if the configuration file was rejected when it was last read, and what was read before it holds."),
		reloadedAt: d.gauge("legate_config_last_reload_success_timestamp_seconds",
			"When the configuration was last taken over, in Unix time."),
		registry: d.registry,
	}
	d.asked("legate_registration",
		"How Legate is registered in Consul (--register): 1 for the state that it is in. failing: it is not, or DNS does not name it; /api/v1/status says why.",
		of("state", "registered", "failing"), p.registrationIs)
	p.reloadedOK.Set(1)
	p.reloadedAt.SetToCurrentTime()
	return p
}

const (
	certificateName = "legate_certificate_expiry_timestamp_seconds"
	certificateHelp = "When the certificate that a listener shows expires, in Unix time. 0: it speaks no TLS."
)

// Reloaded counts an attempt to reload the configuration or the policy. All says whether both are now in
// force as their files are.
func (p *Process) Reloaded(ok, all bool, at time.Time) {
	if p == nil {
		return
	}
	p.reloadedOK.Set(0)
	if all {
		p.reloadedOK.Set(1)
	}
	if !ok {
		p.reloads.WithLabelValues("rejected").Inc()
		return
	}
	p.reloads.WithLabelValues("ok").Inc()
	p.reloadedAt.Set(unixSeconds(at))
}

// Certificate registers a function that is called at each scrape for the expiry of a listener's
// certificate. It must be called once per listener. end returns the zero time for a listener
// without a certificate.
func (p *Process) Certificate(listener string, end func() time.Time) {
	if p == nil {
		return
	}
	p.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        certificateName,
		Help:        certificateHelp,
		ConstLabels: prometheus.Labels{"listener": listener},
	}, func() float64 {
		if at := end(); !at.IsZero() {
			return unixSeconds(at)
		}
		return 0
	}))
}

// Registration has a function asked at each scrape how Legate is registered in Consul: registered, failing, or neither.
func (p *Process) Registration(state func() string) {
	if p != nil {
		p.registration.Store(&state)
	}
}

// registrationIs is 1 if that is how Legate is registered.
func (p *Process) registrationIs(state string) float64 {
	if now := p.registration.Load(); now != nil && (*now)() == state {
		return 1
	}
	return 0
}
