package consul

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
)

func TestEachErrorHasItsKind(t *testing.T) {
	closed := &url.Error{Op: "Get", URL: "http://x", Err: io.EOF}
	for _, c := range []struct {
		name  string
		err   error
		kind  Failure
		wrong string // with the answer
	}{
		{"late", ErrTimeout, Timeout, ""},
		{"garbage", errGarbage, Garbage, "unreadable"},
		{"cut short", io.ErrUnexpectedEOF, Garbage, "unreadable"},
		{"an empty body", io.EOF, Garbage, "unreadable"},
		{"a connection that was closed", short(closed), Unreachable, ""},
		{"refused", errors.New("connection refused"), Unreachable, ""},
		{"a doubt without a name", ErrNotBelieved, Doubtful, ""},
		{"another datacenter", errForeign, Foreign, "foreign"},
		{"403", api.StatusError{Code: 403}, Denied, "status"},
		{"429", api.StatusError{Code: 429}, Busy, "status"},
		{"500", api.StatusError{Code: 500}, Unavailable, "status"},
		{"400", api.StatusError{Code: 400}, Refused, "status"},
		{"the leader's rate limit", api.StatusError{Code: 503, Body: "rate limit exceeded for operation that can only be performed by the leader, try again later"}, Busy, "status"},
		{"a cut wait", waitCut{30 * time.Second, errClosed}, WaitCut, ""},
		{"a proxy's patience with a wait", waitCut{30 * time.Second, api.StatusError{Code: 504}}, WaitCut, "status"},
		{"another protocol", short(&url.Error{Err: errors.New(`malformed HTTP response "\x00\x00"`)}), Garbage, "unreadable"},
		{"404", api.StatusError{Code: 404}, Garbage, "status"},
	} {
		wrapped := fmt.Errorf("query: %w", c.err)
		if kind, wrong := FailureOf(wrapped), RejectedAs(wrapped); kind != c.kind || wrong != c.wrong {
			t.Errorf("%s: %s and %q, want %s and %q", c.name, kind, wrong, c.kind, c.wrong)
		}
		if RemedyOf(wrapped) == "" {
			t.Errorf("%s: no remedy", c.name)
		}
	}
}
