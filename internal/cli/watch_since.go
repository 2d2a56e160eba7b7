package cli

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"legate/internal/admin"
	"legate/internal/changes"
	"legate/internal/xdsclient"
)

// since asks a running Legate when Consul's answer came behind what a client is sent: xDS does not carry that.
type since struct {
	admin adminClient
	near  bool      // Legate has the clock of this machine
	quiet time.Time // until then it is not asked, since it did not answer
}

// How long the answer may take, how long Legate is left alone after a failure, and of how many services at once it is
// asked: more have changed at once than anybody reads.
const (
	sinceTimeout = 2 * time.Second
	sinceQuiet   = 30 * time.Second
	maxSince     = 10
)

// of says how long after Consul's answer the client got a change, or was sent it if Legate's clock is another one; empty
// if that is not known: Consul did not say it, Legate's admin address does not answer, or it is an older change.
func (s *since) of(ctx context.Context, c xdsclient.Change, got time.Time) (took time.Duration, words string) {
	if got.Before(s.quiet) {
		return 0, ""
	}
	ctx, cancel := context.WithTimeout(ctx, sinceTimeout)
	defer cancel()
	after := ""
	for {
		values := url.Values{"service": {c.Name}, "kind": {string(changes.Service)}, "limit": {"10"}}
		if after != "" { // what is published is recorded a moment later
			values.Set("after", after)
			values.Set("wait", sinceTimeout.String())
		}
		var page admin.Changes
		if err := s.admin.call(ctx, "GET", "/api/v1/changes?"+values.Encode(), &page); err != nil {
			if ctx.Err() == nil {
				s.quiet = got.Add(sinceQuiet)
			}
			return 0, ""
		}
		for i := range page.Changes {
			if one := &page.Changes[i]; isOf(one, c) {
				return s.says(one, got)
			}
		}
		if after != "" && len(page.Changes) == 0 || page.Newest == (changes.ID{}) {
			return 0, ""
		}
		after = page.Newest.String()
	}
}

// isOf reports whether a change is the one that made a service what the client got.
func isOf(one *admin.Changed, c xdsclient.Change) bool {
	if c.Cluster == "" && c.Endpoints == "" { // it is gone
		return one.Cluster == "" && one.Endpoints == "" && len(one.Lines) > 0 && one.Lines[0].Op == changes.Minus && one.Lines[0].What == "service"
	}
	return c.Endpoints != "" && c.Endpoints == one.Endpoints || c.Cluster != "" && c.Cluster == one.Cluster
}

func (s *since) says(one *admin.Changed, got time.Time) (took time.Duration, words string) {
	said := "after Consul"
	if !s.near {
		if one.Delivery == nil || one.Delivery.FirstSent.IsZero() {
			return 0, ""
		}
		got, said = one.Delivery.FirstSent, "after Consul until it was sent"
	}
	took = got.Sub(one.Answered)
	switch {
	case one.Answered.IsZero() || took < 0:
		return 0, ""
	case took < time.Second:
		return took, fmt.Sprintf("   %d ms %s", max(1, took.Milliseconds()), said)
	}
	return took, fmt.Sprintf("   %.1f s %s", took.Seconds(), said)
}

// isNear reports whether an address is of this machine.
func isNear(address string) bool {
	if strings.HasPrefix(address, unixScheme) {
		return true
	}
	host, _, err := net.SplitHostPort(address)
	return err == nil && (host == "localhost" || net.ParseIP(host).IsLoopback())
}
