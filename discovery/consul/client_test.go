package consul

import (
	"log/slog"
	"testing"
)

// How many questions can be under way at once follows from what connections take.
func TestTheCapacityOfAClient(t *testing.T) {
	c, err := New(DefaultConfig(), slog.New(slog.DiscardHandler), nil)
	must(t, err)
	defer c.Close()
	if _, http2 := c.Connections(); c.Capacity() != c.limit || http2 {
		t.Errorf("%d questions at once, HTTP/2: %v", c.Capacity(), http2)
	}
	c.pool.room = 250
	if _, http2 := c.Connections(); c.Capacity() != c.limit*250 || !http2 {
		t.Errorf("%d questions at once over HTTP/2: %v", c.Capacity(), http2)
	}
}
