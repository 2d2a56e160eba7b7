package xdsserver

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	"legate/internal/logtest"
	"legate/internal/xdstest"
	"legate/translate"
)

// A client has a line when it comes, with its node and address, and one when it goes.
func TestWhoConnectsAndDisconnectsIsLogged(t *testing.T) {
	log := &logtest.Buffer{}
	s := newStageThatLogs(t, log)
	s.Publish(own, translate.Batch{Set: service("web", 1)})
	for _, protocol := range []xdstest.Protocol{xdstest.SotW, xdstest.Delta} {
		log.Reset()
		c := xdstest.Open(t, s.conn, protocol, "edge-1\n\u202e")
		c.Want(cds)
		c.Ack(c.Accept(cds, "web@1"))
		c.Close()
		soon(t, "it is gone", func() bool { return log.Count("client disconnected") == 1 })
		if n := log.Count("msg=\"client connected\""); n != 1 {
			t.Errorf("%d lines that it has come:\n%s", n, log)
		}
		for _, line := range strings.Split(strings.TrimSpace(log.String()), "\n") {
			if !strings.Contains(line, "level=INFO") || !strings.Contains(line, `node="edge-1 "`) || !strings.Contains(line, "peer=127.0.0.1:") {
				t.Errorf("%s", line)
			}
		}
		if !regexp.MustCompile(`client disconnected".* code=Canceled seconds=\d`).MatchString(log.String()) {
			t.Errorf("%s", log)
		}
	}
}

// Of many, few have a line, and the others are counted.
func TestManyThatConnectAtOnceAreSummedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const streams = 500
		log := &logtest.Buffer{}
		c := newCallbacks(slog.New(slog.NewTextHandler(log, nil)), nil)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { c.comings.run(ctx); close(ended) }()
		for id := range int64(streams) {
			one := streamCallbacks{callbacks: c}
			if err := one.OnDeltaStreamOpen(t.Context(), id, ""); err != nil {
				t.Fatal(err)
			}
			r := &discoveryv3.DeltaDiscoveryRequest{TypeUrl: cds, Node: &corev3.Node{Id: fmt.Sprint("edge-", id)}}
			for range 2 {
				if err := one.OnStreamDeltaRequest(id, r); err != nil {
					t.Fatal(err)
				}
			}
			one.OnDeltaStreamClosed(id, nil)
		}
		time.Sleep(3 * time.Second)
		cancel()
		<-ended
		for _, what := range []string{"connected", "disconnected"} {
			lines, summed := log.Count(`"client `+what+`"`), 0
			for _, m := range regexp.MustCompile(`"and more clients `+what+`" streams=(\d+)`).FindAllStringSubmatch(log.String(), -1) {
				n, _ := strconv.Atoi(m[1])
				summed += n
			}
			if lines != 10 || lines+summed != streams {
				t.Errorf("%s: %d lines, and %d are summed up", what, lines, summed)
			}
		}
	})
}
