package discovery

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/hashicorp/consul/api"
)

// failure is the kind of a failed query. It is a metric's label, so the list is short and fixed.
type failure string

const (
	unreachable failure = "unreachable" // no connection, or it broke
	late        failure = "timeout"     // connected, no answer in time
	waiting     failure = "wait_cut"    // something in between ends queries that wait
	denied      failure = "denied"      // the token may not ask this
	busy        failure = "busy"        // too many connections or requests
	unavailable failure = "unavailable" // Consul itself is in trouble: no leader, no path
	refused     failure = "refused"     // Consul does not understand the question
	garbage     failure = "garbage"     // answered, but not as Consul answers
	doubtful    failure = "doubtful"    // a proper answer that is not believed: judge.go
	cut         failure = "filtered"    // one from which policies hide a part
	elsewhere   failure = "foreign"     // one about something else
)

var (
	errLate     = errors.New("no answer")
	errGarbage  = errors.New("not an answer of Consul")
	errDoubtful = errors.New("answer not believed")
	errClosed   = errors.New("connection closed without an answer")
	errNotHTTP  = errors.New("what answers does not speak HTTP/1.1")
	errNotTLS   = errors.New("what answers does not speak TLS")
)

// failureOf names the kind of an error that a query returned.
func failureOf(err error) failure {
	var status api.StatusError
	var cut waitCut
	switch {
	case errors.As(err, &cut):
		return waiting
	case errors.Is(err, errLate):
		return late
	case errors.Is(err, errDoubtful):
		return failureOfDoubt(err)
	case errors.As(err, &status) && strings.Contains(status.Body, "rate limit exceeded"):
		return busy // with 429, and with 503 where only the leader can answer
	case errors.As(err, &status):
		return failureOfStatus(status.Code)
	case isGarbage(err):
		return garbage
	}
	return unreachable
}

// isGarbage says that an answer could not be read, or not to its end.
func isGarbage(err error) bool {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	return errors.Is(err, errGarbage) || errors.As(err, &syntax) || errors.As(err, &kind) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, errNotHTTP) || errors.Is(err, errNotTLS)
}

func failureOfDoubt(err error) failure {
	switch doubtOf(err) {
	case filtered, hiding:
		if untilOf(err).IsZero() {
			return cut
		}
	case foreign:
		return elsewhere
	}
	return doubtful
}

// untilOf is when the answer behind an error is believed if it is the same then; zero if that is
// not a matter of time.
func untilOf(err error) time.Time {
	var rejected notBelieved
	errors.As(err, &rejected)
	return rejected.until
}

// doubtOf names why the answer behind an error was not believed; empty if there was no answer.
func doubtOf(err error) doubt {
	var rejected notBelieved
	if errors.As(err, &rejected) {
		return rejected.doubt
	}
	var status api.StatusError
	if errors.As(err, &status) {
		return wrongState
	}
	if isGarbage(err) {
		return unreadable
	}
	return ""
}

func failureOfStatus(code int) failure {
	switch {
	case code == http.StatusForbidden, code == http.StatusUnauthorized:
		return denied
	case code == http.StatusTooManyRequests:
		return busy
	case code >= 500:
		return unavailable
	case code >= 400 && code != http.StatusNotFound: // Consul has all that is asked for
		return refused
	}
	return garbage
}

// remedy is what a person can do about it.
func (f failure) remedy() string {
	switch f {
	case unreachable:
		return "check that Consul runs and that the address, the scheme and the TLS settings are right"
	case waiting:
		return "let what stands between Legate and Consul wait for 75s, or set --consul-wait"
	case late:
		return "check Consul's load and the network between"
	case denied:
		return "give the token service:read and node:read on every service and node (service_prefix \"\" and node_prefix \"\")"
	case busy:
		return "use https, " + fewerConnections
	case unavailable:
		return "check Consul's servers: is there a leader, and a path to the datacenter?"
	case refused:
		return "check the namespace and partition settings: they need Consul Enterprise"
	case cut:
		return "give the token service:read and node:read on every service and node, or, if it shall see a part only, say so with --consul-filtered-expected"
	case elsewhere:
		return "check what stands behind the address: it is not the Consul, or not the datacenter, that it was"
	case garbage:
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
