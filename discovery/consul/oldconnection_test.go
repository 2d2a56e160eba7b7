package consul

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// A canary that takes whatever connection is free would have a new one while all old ones are dead.
func TestTheOldConnectionIsKeptForWhoAsksForIt(t *testing.T) {
	var mu sync.Mutex
	from := map[string]string{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		from[r.URL.Path] = r.RemoteAddr
		mu.Unlock()
	}))
	defer server.Close()
	l := poolTo(t, server, 3)
	must(t, ask(l, OnOldConnection(t.Context()), server.URL+"/first"))
	for n := range 2 * l.limit {
		must(t, ask(l, t.Context(), fmt.Sprint(server.URL, "/other", n)))
	}
	must(t, ask(l, OnOldConnection(t.Context()), server.URL+"/second"))
	mu.Lock()
	defer mu.Unlock()
	if from["/first"] != from["/second"] || from["/other0"] == from["/first"] || from["/other5"] == from["/first"] {
		t.Errorf("asked on %v", from)
	}
}

// Where there is no room for one more, who asks for an old connection takes any.
func TestWithoutRoomForAnOldConnectionAnyIsTaken(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	p := poolTo(t, server, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	must(t, ask(p, ctx, server.URL))
	must(t, ask(p, OnOldConnection(ctx), server.URL))
}

func TestAPoolThatIsClosedTakesNobody(t *testing.T) {
	arrived := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-r.Context().Done()
	}))
	defer server.Close()
	p := poolTo(t, server, 1)
	heard := make(chan error, 2)
	go func() { heard <- ask(p, context.Background(), server.URL) }()
	<-arrived
	go func() { heard <- ask(p, context.Background(), server.URL) }()
	eventually(t, "one waits", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return len(p.queue) == 1 })
	p.close()
	for range 2 {
		if err := <-heard; err == nil {
			t.Error("who asks while it is closed has an answer")
		}
	}
	if err := ask(p, t.Context(), server.URL); !errors.Is(err, errPoolClosed) {
		t.Errorf("afterwards: %v", err)
	}
	if p.open() != 0 {
		t.Errorf("%d connections are open", p.open())
	}
}
