package watch

import (
	"errors"
	"time"

	"legate/discovery/consul"
)

// doubt is why an answer is not believed; it is a metric's label.
type doubt string

const (
	noIndex      doubt = "no_index"
	indexOne     doubt = "index_one"
	indexBack    doubt = "index_back"
	indexStuck   doubt = "index_stuck"
	filtered     doubt = "filtered"
	contradicted doubt = "contradicted"
	hidden       doubt = "hidden"
)

// String says it of the answer.
func (d doubt) String() string {
	switch d {
	case noIndex:
		return "it has no index"
	case indexOne:
		return "its index is 1, as in an error or before Consul has loaded its state"
	case indexBack:
		return "its index went back"
	case indexStuck:
		return "its content changed while its index did not"
	case filtered:
		return "the token's policies hide a part of it"
	case contradicted:
		return "it lacks what a consistent answer has"
	case hidden:
		return "it is empty, and the token's policies may hide the rest"
	}
	return string(d)
}

// remedy is what a person can do about such answers; empty: their error says it.
func (d doubt) remedy() string {
	switch d {
	case noIndex:
		return "let what stands between Legate and Consul pass on the header X-Consul-Index"
	case indexOne:
		return "nothing, if a server or an agent has just started; else check whether all servers have a leader: consul operator raft list-peers"
	case indexBack:
		return "nothing, if a snapshot was restored or a server lags for a moment: the leader is asked; else check that the address leads to one cluster only"
	case indexStuck:
		return "nothing: the leader is asked, and what is lost by it is held until that is sure; if it goes on, look for an agent that has fallen behind: consul info"
	case filtered, hidden:
		return consul.RemedyOf(notBelieved{doubt: d})
	case contradicted:
		return "nothing: the leader's answer counts; if it goes on, look for a server or an agent that has fallen behind: consul operator raft list-peers"
	}
	return ""
}

// notBelieved is the error of an answer that was rejected.
type notBelieved struct {
	doubt
	until time.Time // believed then, if it is still the same; zero: not before it is mended
}

func (e notBelieved) Error() string {
	s := consul.ErrNotBelieved.Error() + ": " + e.String()
	if !e.until.IsZero() {
		s += "; it is believed if it is the same after " + e.until.Format(time.TimeOnly)
	}
	return s
}
func (e notBelieved) Unwrap() error { return consul.ErrNotBelieved }

// Failure is the kind of failure that it counts as.
func (e notBelieved) Failure() consul.Failure {
	if e.until.IsZero() && (e.doubt == filtered || e.doubt == hidden) {
		return consul.Filtered
	}
	return consul.Doubtful
}

// believedAt is when the answer behind an error is believed if it is the same then; zero if that is
// not a matter of time.
func believedAt(err error) time.Time {
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
	return doubt(consul.RejectedAs(err))
}
