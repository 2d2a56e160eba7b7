package discovery

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
)

func TestEachErrorHasItsKindAndItsDoubt(t *testing.T) {
	closed := &url.Error{Op: "Get", URL: "http://x", Err: io.EOF}
	for _, c := range []struct {
		name  string
		err   error
		kind  failure
		doubt doubt
	}{
		{"late", errLate, late, ""},
		{"garbage", errGarbage, garbage, unreadable},
		{"cut short", io.ErrUnexpectedEOF, garbage, unreadable},
		{"an empty body", io.EOF, garbage, unreadable},
		{"a connection that was closed", short(closed), unreachable, ""},
		{"refused", errors.New("connection refused"), unreachable, ""},
		{"a doubt without a name", errDoubtful, doubtful, ""},
		{"an index", notBelieved{doubt: indexOne}, doubtful, indexOne},
		{"policies", notBelieved{doubt: filtered}, cut, filtered},
		{"an empty list beside", fmt.Errorf("%w: %w", notBelieved{doubt: hiding}, errListEmpty), cut, hiding},
		{"another datacenter", notBelieved{doubt: foreign}, elsewhere, foreign},
		{"403", api.StatusError{Code: 403}, denied, wrongState},
		{"429", api.StatusError{Code: 429}, busy, wrongState},
		{"500", api.StatusError{Code: 500}, unavailable, wrongState},
		{"400", api.StatusError{Code: 400}, refused, wrongState},
		{"the leader's rate limit", api.StatusError{Code: 503, Body: "rate limit exceeded for operation that can only be performed by the leader, try again later"}, busy, wrongState},
		{"a cut wait", waitCut{30 * time.Second, errClosed}, waiting, ""},
		{"a proxy's patience with a wait", waitCut{30 * time.Second, api.StatusError{Code: 504}}, waiting, wrongState},
		{"another protocol", short(&url.Error{Err: errors.New(`malformed HTTP response "\x00\x00"`)}), garbage, unreadable},
		{"404", api.StatusError{Code: 404}, garbage, wrongState},
	} {
		wrapped := fmt.Errorf("query: %w", c.err)
		if kind, doubt := failureOf(wrapped), doubtOf(wrapped); kind != c.kind || doubt != c.doubt {
			t.Errorf("%s: %s and %q, want %s and %q", c.name, kind, doubt, c.kind, c.doubt)
		}
		if remedyOf(wrapped) == "" {
			t.Errorf("%s: no remedy", c.name)
		}
	}
}
