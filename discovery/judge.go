package discovery

import (
	"errors"
	"time"

	"legate/discovery/consul"
)

// Which answers are believed. Consul can answer 200 with wrong, empty data: a server or agent
// that has just restarted, a follower that lost its leader, a token that lost its policies. What
// is not believed changes nothing: the last believed value stays. But no doubt lasts for ever:
//
//   - A doubt about one server's answer ends at once: the leader is asked (consistently).
//   - A doubt about the leader's own answer ends when the leader has said the same twice,
//     Guard.Confirm apart. An answer with something to compare it with is taken over at once, and
//     the guard holds what it takes away until then: the hold names the service, and can be
//     released. One without is asked for again first.
//   - What is no answer of Consul's to the question (status, unreadable, no_index, foreign), and one
//     cut by policies although none are expected to (filtered, hidden), is asked for again until
//     it is mended. The status names the services and the remedy.

// verdict is what to do with an answer.
type verdict uint8

const (
	believe verdict = iota
	again           // ask at once, consistently and from the start
	verify          // the same, but nothing is wrong with it as yet
	witness         // believe only if the list of services, asked consistently, is not empty
	twice           // believe, but what it takes away only if the leader says so twice
	reject          // keep the last value and try later
)

// seen is what an earlier answer to the same question left behind.
type seen struct {
	index    uint64 // of the last believed answer; 0: none yet
	weight   int    // how many things it held
	filtered bool
}

// sight is what of an answer's content counts for the verdict.
type sight struct {
	weight  int
	changed bool
}

// doubt is why an answer is not believed; it is a metric's label.
type doubt string

const (
	noIndex    doubt = "no_index"
	indexOne   doubt = "index_one"
	indexBack  doubt = "index_back"
	indexStuck doubt = "index_stuck"
	filtered   doubt = "filtered"
	untrue     doubt = "contradicted"
	hiding     doubt = "hidden"
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
	case untrue:
		return "it lacks what a consistent answer has"
	case hiding:
		return "it is empty, and the token's policies may hide the rest"
	}
	return string(d)
}

// notBelieved is an answer that was rejected.
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
	if e.until.IsZero() && (e.doubt == filtered || e.doubt == hiding) {
		return consul.Filtered
	}
	return consul.Doubtful
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
	return doubt(consul.RejectedAs(err))
}

// judge is a pure function of the question's past and the answer; expected says whether the token is
// meant to see a part only. The doubt is empty for an answer that is believed, or is to be verified.
//
//   - An index that went back means that Consul's state is another one (a restore, a new
//     cluster, a server that lags); one that stands still while the body changed, or is 1 or
//     less after a higher one, means that the answer is not from the state it claims.
//   - Nothing is taken away on the word of one server: an answer with fewer things than the last
//     is believed only if it is consistent. That costs a removal one more round trip.
//   - The leader's word is believed. Where it is odd, what it takes away must be said twice: an
//     index of 1, or one that stands still or went back although there is less. That is the truth
//     when an instance was registered again under another name: Consul leaves the index of the old
//     one, and an agent that streams may have told a higher one.
//   - Where the token's policies hide what they do not allow, emptiness may be ours and not
//     Consul's, and needs a witness; or, where a part is all that is expected, to be said twice.
//   - An answer from which policies hide a part looks like one in which there is nothing more. It
//     is believed only where that was declared, and if it begins to be smaller so, when said twice.
func judge(was seen, r consul.Reply, is sight, expected bool) (verdict, doubt) {
	first := was.index == 0
	none, fewer := is.weight == 0, is.weight < was.weight
	young := r.Index == 1 && (was.index > 1 || first && none)
	stuck := r.Index == was.index && !first && is.changed
	cut := r.Filtered && (!expected || !was.filtered && fewer)
	emptied := none && (r.DefaultDeny || r.Filtered) && (was.weight > 0 || first)
	switch {
	case r.Index == 0 && r.Consistent:
		return reject, noIndex
	case r.Consistent:
	case r.Index == 0:
		return again, noIndex
	case young:
		return again, indexOne
	case r.Index < was.index:
		return again, indexBack
	case cut:
		return again, filtered
	case stuck:
		return again, indexStuck
	case fewer:
		return verify, ""
	}
	switch { // it is the leader's, or takes nothing away
	case cut && !expected:
		return reject, filtered
	case emptied && !expected:
		return witness, hiding
	case young:
		return twice, indexOne
	case cut:
		return twice, filtered
	case emptied:
		return twice, hiding
	case stuck && fewer:
		return twice, indexStuck
	case r.Index < was.index && fewer:
		return twice, indexBack
	}
	return believe, ""
}

// judgeList is judge for the list of services. Consul's own service is always in it (except in
// a namespace of Enterprise's), so a list without anything is not believed as it stands. One
// that lacks a name takes nothing away: that service is asked for, consistently.
func judgeList(was seen, r consul.Reply, is sight, expected bool) (verdict, doubt) {
	v, why := judge(was, r, is, expected)
	switch {
	case v == witness: // there is no better one than the list itself
		return reject, hiding
	case v == verify && is.weight > 0:
		return believe, ""
	}
	return v, why
}
