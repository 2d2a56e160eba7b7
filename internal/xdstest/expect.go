package xdstest

import (
	"slices"
	"strings"
	"time"
)

// Read returns the next response without answering it.
func (c *Client) Read() *Response {
	c.t.Helper()
	select {
	case r := <-c.incoming:
		c.nonces[r.Type] = r.Nonce
		return r
	case err := <-c.ended:
		c.t.Fatalf("the stream ended, a response was expected: %v", err)
	case <-time.After(timeout):
		c.t.Fatalf("no response within %v", timeout)
	}
	return nil
}

// Poll returns the next response, or nil if none comes for the given time.
func (c *Client) Poll(wait time.Duration) *Response {
	c.t.Helper()
	select {
	case r := <-c.incoming:
		c.nonces[r.Type] = r.Nonce
		return r
	case err := <-c.ended:
		c.t.Fatalf("the stream ended: %v", err)
	case <-time.After(wait):
	}
	return nil
}

// Expect reads the next response and returns it without an answer. The response must be of the type
// and have exactly the content of want, in any order: name@mark for a resource (see Mark), -name
// for a removal.
func (c *Client) Expect(typeURL string, want ...string) *Response {
	c.t.Helper()
	r := c.Read()
	got := r.String()
	slices.Sort(want)
	if r.Type != typeURL || got != strings.Join(want, " ") {
		c.t.Fatalf("response:\n got %s [%s]\nwant %s [%s]", short(r.Type), got, short(typeURL), strings.Join(want, " "))
	}
	return r
}

// Accept is Expect and Ack.
func (c *Client) Accept(typeURL string, want ...string) *Response {
	c.t.Helper()
	r := c.Expect(typeURL, want...)
	c.Ack(r)
	return r
}

// Silence requires that no response comes for a while.
func (c *Client) Silence() {
	c.t.Helper()
	select {
	case r := <-c.incoming:
		c.t.Fatalf("silence was expected, got %s [%s]", short(r.Type), r)
	case err := <-c.ended:
		c.t.Fatalf("silence was expected, the stream ended: %v", err)
	case <-time.After(quiet):
	}
}

// Ended requires that the server ends the stream, and returns the error.
func (c *Client) Ended() error {
	c.t.Helper()
	deadline := time.After(timeout)
	for {
		select {
		case err := <-c.ended:
			return err
		case <-c.incoming:
		case <-deadline:
			c.t.Fatalf("the stream did not end within %v", timeout)
		}
	}
}
