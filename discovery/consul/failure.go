package consul

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"github.com/hashicorp/consul/api"
)

// Failure is the kind of a failed query. It is a metric's label, so the list is short and fixed.
type Failure string

const (
	Unreachable Failure = "unreachable" // no connection, or it broke
	Timeout     Failure = "timeout"     // connected, no answer in time
	WaitCut     Failure = "wait_cut"    // something in between ends queries that wait
	Denied      Failure = "denied"      // the token may not ask this
	Busy        Failure = "busy"        // too many connections or requests
	Unavailable Failure = "unavailable" // Consul itself is in trouble: no leader, no path
	Refused     Failure = "refused"     // Consul does not understand the question
	Garbage     Failure = "garbage"     // answered, but not as Consul answers
	Doubtful    Failure = "doubtful"    // a proper answer that is not believed: judge.go
	Filtered    Failure = "filtered"    // one from which policies hide a part
	Foreign     Failure = "foreign"     // one about something else
)

// Known says that it is one of the kinds above, not another problem's.
func (f Failure) Known() bool {
	switch f {
	case Unreachable, Timeout, WaitCut, Denied, Busy, Unavailable, Refused, Garbage, Doubtful, Filtered, Foreign:
		return true
	}
	return false
}

var (
	ErrTimeout     = errors.New("no answer")
	errGarbage     = errors.New("not an answer of Consul")
	ErrNotBelieved = errors.New("answer not believed")
	errForeign     = fmt.Errorf("%w: it is about another datacenter or service than was asked for", ErrNotBelieved)
	errClosed      = errors.New("connection closed without an answer")
	errNotHTTP     = errors.New("what answers does not speak HTTP/1.1")
	errNotTLS      = errors.New("what answers does not speak TLS")
)

// FailureOf names the kind of an error that a query returned. An error that wraps one with a method
// Failure, such as that of an answer that was not believed, is of the kind that this says.
func FailureOf(err error) Failure {
	var status api.StatusError
	var cut waitCut
	var judged interface{ Failure() Failure }
	switch {
	case errors.As(err, &cut):
		return WaitCut
	case errors.Is(err, ErrTimeout):
		return Timeout
	case errors.Is(err, errForeign):
		return Foreign
	case errors.As(err, &judged):
		return judged.Failure()
	case errors.Is(err, ErrNotBelieved):
		return Doubtful
	case errors.As(err, &status) && strings.Contains(status.Body, "rate limit exceeded"):
		return Busy // with 429, and with 503 where only the leader can answer
	case errors.As(err, &status):
		return failureOfStatus(status.Code)
	case isGarbage(err):
		return Garbage
	}
	return Unreachable
}

// isGarbage says that an answer could not be read, or not to its end.
func isGarbage(err error) bool {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	return errors.Is(err, errGarbage) || errors.As(err, &syntax) || errors.As(err, &kind) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, errNotHTTP) || errors.Is(err, errNotTLS)
}

// RejectedAs names what is wrong with an answer that is none of Consul's to the question: status,
// unreadable or foreign, a metric's label; empty if there was no answer, or nothing is wrong with it as such.
func RejectedAs(err error) string {
	var status api.StatusError
	switch {
	case errors.Is(err, errForeign):
		return "foreign"
	case errors.As(err, &status):
		return "status"
	case isGarbage(err):
		return "unreadable"
	}
	return ""
}

// IsTokenUnknown says that a query was denied because Consul does not know its token. That need not stay so: a
// server that has just started has not read its tokens yet.
func IsTokenUnknown(err error) bool {
	var status api.StatusError
	return errors.As(err, &status) && strings.Contains(status.Body, "ACL not found")
}

func failureOfStatus(code int) Failure {
	switch {
	case code == http.StatusForbidden, code == http.StatusUnauthorized:
		return Denied
	case code == http.StatusTooManyRequests:
		return Busy
	case code >= 500:
		return Unavailable
	case code >= 400 && code != http.StatusNotFound: // Consul has all that is asked for
		return Refused
	}
	return Garbage
}

// remedy is what a person can do about it.
func (f Failure) remedy() string {
	switch f {
	case Unreachable:
		return "check that Consul runs and that the address, the scheme and the TLS settings are right"
	case WaitCut:
		return "let what stands between Legate and Consul wait for 75s, or set --consul-wait"
	case Timeout:
		return "check Consul's load and the network between"
	case Denied:
		return "give the token service:read and node:read on every service and node (service_prefix \"\" and node_prefix \"\")"
	case Busy:
		return "use https, " + fewerConnections
	case Unavailable:
		return "check Consul's servers: is there a leader, and a path to the datacenter?"
	case Refused:
		return "check the namespace and partition settings: they need Consul Enterprise"
	case Filtered:
		return "give the token service:read and node:read on every service and node, or, if it shall see a part only, say so with --consul-filtered-expected"
	case Foreign:
		return "check what stands behind the address: it is not the Consul, or not the datacenter, that it was"
	case Garbage:
		return "check that the address is Consul's HTTP API, and what stands between"
	}
	return "wait: it is asked again; check Consul's servers and the token's policies if this stays"
}

// short takes the method and URL off a transport error, because the path is already named, and
// leaves of what was answered in Consul's place what a person can read.
func short(err error) error {
	var status api.StatusError
	if errors.As(err, &status) {
		status.Body = firstLine(status.Body)
		return status
	}
	var u *url.Error
	switch {
	case !errors.As(err, &u):
		return err
	case errors.Is(u.Err, io.EOF): // of the connection, not of an answer
		return errClosed
	case errors.Is(u.Err, http.ErrSchemeMismatch):
		return errNotTLS
	case strings.Contains(u.Err.Error(), "malformed HTTP"), // its bytes follow
		strings.Contains(u.Err.Error(), "readLoopPeekFailLocked: %!w(<nil>)"): // it spoke before it was asked
		return errNotHTTP
	}
	return u.Err
}

// firstLine is the first line of an error's text, without tags and what cannot be printed.
func firstLine(body string) string {
	inTag := false
	line, _, _ := strings.Cut(strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case inTag || r == '<':
			inTag = r != '>'
			return -1
		case r == '\n' || unicode.IsPrint(r) && r != unicode.ReplacementChar:
			return r
		}
		return -1
	}, body)), "\n")
	return strings.ToValidUTF8(line[:min(len(line), 300)], "")
}

// IsRefusal says that an error is a refusal of the question itself: a 4xx, of Consul or of a proxy before
// it. 429 and 408 are not: they speak of load.
func IsRefusal(err error) bool {
	var status api.StatusError
	return errors.As(err, &status) && status.Code/100 == 4 &&
		status.Code != http.StatusTooManyRequests && status.Code != http.StatusRequestTimeout
}
