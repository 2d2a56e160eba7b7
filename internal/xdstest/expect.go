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

// Expect reads the next response, requires it to be of the type and to hold exactly what want
// says, in any order, and returns it unanswered. A resource reads name@mark (see Mark), a removal -name.
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

// Silence requires that nothing comes for a while.
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

// Ended requires that the server ends the stream, and returns how.
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
