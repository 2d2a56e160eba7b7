package cli

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"legate/internal/xdstest"
)

// Each connection is a file of the process, and idle ones to the admin listener once took all: no client could
// connect any more, and no probe.
func TestIdleConnectionsToTheAdminListenerKeepNobodyOut(t *testing.T) {
	idle := 3500 // as many as a penetration test had
	if testing.Short() {
		idle = 500
	}
	r := serve(t, "--consul-addr", closedPort(t))
	at := strings.TrimPrefix(r.admin, "http://")
	open := make([]net.Conn, idle)
	for i := range open {
		conn, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatalf("after %d connections: %v", i, err)
		}
		defer conn.Close()
		open[i] = conn
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	answer, err := healthpb.NewHealthClient(xdstest.Dial(t, r.xds)).Check(ctx, &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Errorf("a client of xDS cannot connect: %v", err)
	} else if answer.GetStatus() != healthpb.HealthCheckResponse_NOT_SERVING { // there is no Consul
		t.Errorf("health: %v", answer)
	}
	if code, _ := r.get("/healthz"); code != 200 {
		t.Errorf("a probe gets %d", code)
	}
	isOpen := func(conn net.Conn) bool {
		_ = conn.SetReadDeadline(time.Now().Add(time.Millisecond))
		_, err := conn.Read(make([]byte, 1))
		return err != nil && strings.Contains(err.Error(), "i/o timeout")
	}
	// Those that are closed may not have heard of it yet.
	for end := time.Now().Add(30 * time.Second); len(open) > 64 && time.Now().Before(end); {
		open = slices.DeleteFunc(open, func(conn net.Conn) bool { return !isOpen(conn) })
	}
	if t.Logf("%d of %d connections are open", len(open), idle); len(open) > 64 {
		t.Errorf("%d connections of one address are open, 64 may be", len(open))
	}
	if code := r.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
