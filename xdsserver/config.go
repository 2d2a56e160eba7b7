package xdsserver

import (
	"crypto/tls"
	"errors"
	"slices"
	"time"

	"legate/xdsserver/admission"
)

// Config is what the server can be told.
type Config struct {
	// TLS is what gRPC and REST are served with; nil: in the clear.
	TLS *tls.Config
	// Identifier names this server to its clients, in every response (control_plane.identifier;
	// Envoy shows it in its statistics). Empty: not sent.
	Identifier string
	// MinPing is how often a client may send HTTP/2 pings. Who sends them more often, by more than
	// a tenth, is sent away.
	MinPing time.Duration
	// KeepaliveTime is how long a connection may be silent before it is pinged, KeepaliveTimeout
	// how long the answer may take before the connection is closed.
	KeepaliveTime    time.Duration
	KeepaliveTimeout time.Duration
	// MaxNames is how many resources of a type one stream may name.
	MaxNames int
	// FirstAnswerWait is how long the first answer for a name waits for Consul to be asked; see [Server.Expect].
	FirstAnswerWait time.Duration
	// MaxRequestBytes bounds one request over gRPC; Limits.BodyBytes one over REST.
	MaxRequestBytes int
	// MaxResponseBytes is how many bytes a response over gRPC has at most, where the protocol lets
	// it be split; gRPC clients take 4 MiB unless they are told otherwise.
	MaxResponseBytes int
	// ClientStatus is who may ask for the status of all clients (CSDS).
	ClientStatus Askers
	// Limits bound what clients can take.
	Limits admission.Limits
	// Drain is how streams are ended when the context of [Server.Run] is done.
	Drain Drain
	// StopTimeout is how long [Server.Run] waits after that for requests, and for streams that do
	// not hear, before it cuts them off.
	StopTimeout time.Duration
}

// DefaultConfig is what serves well without being told.
func DefaultConfig() Config {
	return Config{
		MinPing:          time.Second,
		KeepaliveTime:    30 * time.Second,
		KeepaliveTimeout: 10 * time.Second,
		MaxNames:         20_000,
		FirstAnswerWait:  2 * time.Second,
		MaxRequestBytes:  4 << 20,
		MaxResponseBytes: 3 << 20,
		ClientStatus:     AskersLocal,
		Drain:            Drain{Delay: 5 * time.Second, Spread: 15 * time.Second},
		Limits:           admission.DefaultLimits(),
		StopTimeout:      5 * time.Second,
	}
}

// Validate says what is wrong with the configuration, all at once.
func (c Config) Validate() error {
	var errs []error
	positive := func(ok bool, what string) {
		if !ok {
			errs = append(errs, errors.New("xds: "+what+" must be above zero"))
		}
	}
	positive(c.MinPing > 0, "minimum ping interval")
	positive(c.KeepaliveTime > 0, "keepalive time")
	positive(c.KeepaliveTimeout > 0, "keepalive timeout")
	positive(c.MaxNames > 0, "maximum of names")
	positive(c.MaxRequestBytes > 0, "maximum of request bytes")
	positive(c.MaxResponseBytes > 0, "maximum of response bytes")
	positive(c.StopTimeout > 0, "stop timeout")
	if c.FirstAnswerWait < 0 {
		errs = append(errs, errors.New("xds: first answer wait must not be below zero"))
	}
	if c.Drain.Delay < 0 || c.Drain.Spread < 0 {
		errs = append(errs, errors.New("xds: drain delay and spread must not be below zero"))
	}
	if !slices.Contains([]Askers{AskersLocal, AskersAll, AskersOff}, c.ClientStatus) {
		errs = append(errs, errors.New("xds: client status must be local, all or off"))
	}
	return errors.Join(append(errs, c.Limits.Validate())...)
}
