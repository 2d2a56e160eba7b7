package xdsserver

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"runtime/metrics"
	"strconv"
	"syscall"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	"legate/xdsserver/admission"
)

// inUse is how many bytes objects and stacks take.
func inUse() (bytes int) {
	for range 3 { // pools are emptied by the second collection
		runtime.GC()
	}
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(sample)
	for _, s := range sample {
		bytes += int(s.Value.Uint64())
	}
	return bytes
}

// The budget counts connections and streams with constants. They are what the runtime shows, give or take 30 %; the race
// detector's memory is shown, too, so beside it twice as much may be. The clients are another process, so that only
// Legate's side of them is measured.
func TestConnectionsAndStreamsTakeWhatIsCountedForThem(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	const n, streams = 200, 1000
	for name, change := range map[string]func(*Config){"in the clear": func(*Config) {}, "TLS": func(c *Config) { encrypted(c); c.TLS.ClientAuth = tls.NoClientCert }} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, change)
			s.set(service("web", 1)...)
			clients := func(n, streams int) (stop func()) {
				cmd := exec.Command(os.Args[0], "-test.run=^TestClientsProcess$", "-test.timeout=2m")
				cmd.Env = append(os.Environ(), "LEGATE_TEST_CLIENTS_OF="+s.address, "LEGATE_TEST_TLS="+strconv.FormatBool(s.config.TLS != nil),
					fmt.Sprint("LEGATE_TEST_CLIENTS=", n), fmt.Sprint("LEGATE_TEST_STREAMS=", streams))
				cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				soon(t, "all are here", func() bool { return s.admission.Usage().Connections == n && len(s.Streams()) == streams })
				time.Sleep(300 * time.Millisecond) // until what comes with it is done
				return func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
			}
			clients(1, 1)() // what is there once
			soon(t, "it is gone", func() bool { return s.admission.Usage().Connections == 0 })
			before := inUse()
			stop := clients(n, 0)
			connection := (inUse() - before) / n
			stop()
			soon(t, "they are gone", func() bool { return s.admission.Usage().Connections == 0 })
			before = inUse()
			defer clients(n, streams)()
			stream := (inUse() - before - n*connection) / streams
			t.Logf("a connection takes %d bytes, a stream %d", connection, stream)
			least := -0.3
			if raceDetector {
				least = -0.5
			}
			for _, c := range []struct {
				what          string
				takes, counts int
			}{{"connection", connection, admission.ConnectionBytes}, {"stream", stream, admission.StreamBytes}} {
				if off := float64(c.counts)/float64(c.takes) - 1; off < least || off > 0.3 {
					t.Errorf("a %s takes %d bytes, %d are counted", c.what, c.takes, c.counts)
				}
			}
		})
	}
}

// TestClientsProcess is the clients' process.
func TestClientsProcess(t *testing.T) {
	at := os.Getenv("LEGATE_TEST_CLIENTS_OF")
	if at == "" {
		t.Skip("TestConnectionsAndStreamsTakeWhatIsCountedForThem starts it")
	}
	number := func(name string) int {
		n, err := strconv.Atoi(os.Getenv(name))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	n := number("LEGATE_TEST_CLIENTS")
	all := make([]bare, n)
	for i := range all {
		conn, err := net.Dial("tcp", at)
		if err == nil && os.Getenv("LEGATE_TEST_TLS") == "true" {
			conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}) //nolint:gosec // it is the server that is measured
		}
		all[i] = (&stage{t: t}).bareOn(conn, err)
	}
	for i := range number("LEGATE_TEST_STREAMS") {
		all[i%n].call(uint32(2*(i/n)+1), sotwMethod, &discoveryv3.DiscoveryRequest{Node: &corev3.Node{Id: fmt.Sprint("edge-", i), UserAgentName: "envoy"}, TypeUrl: cds})
	}
	time.Sleep(time.Minute) // it is killed
}
