package watch

import "legate/discovery/consul"

// Which answers are believed. Consul can answer 200 with wrong, empty data: a server or agent
// that has just restarted, a follower that lost its leader, a token that lost its policies. An answer that
// is not believed changes nothing: the last believed value stays. No doubt lasts for ever:
//
//   - A doubt about one server's answer ends at once: the leader is asked (?consistent).
//   - A doubt about the leader's own answer ends when the leader has said the same twice,
//     some time apart. If there is a believed answer to compare it with, the new one is taken over at
//     once, and the guard holds what it takes away until then: the hold names the service, and can be
//     released. If there is none, the question is asked again first.
//   - What is no answer of Consul's to the question (status, unreadable, no_index, foreign), and one
//     cut by policies although none are expected to (filtered, hidden), is asked for again until
//     it is mended. The status names the services and the remedy.

// verdict is what to do with an answer.
type verdict uint8

const (
	believe      verdict = iota
	askLeader            // ask again at once, consistently and from the start
	verify               // the same, but nothing is wrong with the answer as yet
	needsWitness         // believe it only if the list of services, asked consistently, is not empty
	believeTwice         // believe it, but what it takes away only if the leader says so twice
	reject               // keep the last value and try later
)

// previous is what the last believed answer to the same question left behind.
type previous struct {
	index    uint64 // 0: there is none yet
	weight   int    // how many things it held
	filtered bool
}

// content is what of an answer's content counts for the verdict.
type content struct {
	weight  int
	changed bool
}

// judge is a pure function of the last believed answer and the new one. partial says that the token is
// meant to see a part only. The doubt is empty for an answer that is believed, or is to be verified.
//
//   - An index that went back means that Consul's state is another one: it was restored, the cluster is
//     new, or the server lags. If the index stands still while the content changed, or is 1 or less
//     after a higher one, the answer is not from the state that it claims.
//   - One server alone takes nothing away. If an answer has fewer things than the last, it is believed
//     only if it is consistent. That costs a removal one more round trip.
//   - The leader is believed. If its answer is odd, what the answer takes away must be said twice. Odd
//     is an index of 1, and one that stands still or went back although there is less. That can be the
//     truth: an instance was registered again under another name. Consul then leaves the index of the
//     old name, and an agent that streams may have told a higher one.
//   - Where policies hide what they do not allow, an answer may be empty for this token only. It needs
//     a witness; where a part is all that is expected, it must be said twice.
//   - An answer from which policies hide a part looks as if there were nothing more. It is believed only
//     where that is expected. If it has less than before because of that, it must be said twice.
func judge(was previous, r consul.Reply, is content, partial bool) (verdict, doubt) {
	first := was.index == 0
	none, fewer := is.weight == 0, is.weight < was.weight
	young := r.Index == 1 && (was.index > 1 || first && none)
	stuck := r.Index == was.index && !first && is.changed
	cut := r.Filtered && (!partial || !was.filtered && fewer)
	emptied := none && (r.DefaultDeny || r.Filtered) && (was.weight > 0 || first)
	switch {
	case r.Index == 0 && r.Consistent:
		return reject, noIndex
	case r.Consistent:
	case r.Index == 0:
		return askLeader, noIndex
	case young:
		return askLeader, indexOne
	case r.Index < was.index:
		return askLeader, indexBack
	case cut:
		return askLeader, filtered
	case stuck:
		return askLeader, indexStuck
	case fewer:
		return verify, ""
	}
	switch { // it is the leader's, or takes nothing away
	case cut && !partial:
		return reject, filtered
	case emptied && !partial:
		return needsWitness, hidden
	case young:
		return believeTwice, indexOne
	case cut:
		return believeTwice, filtered
	case emptied:
		return believeTwice, hidden
	case stuck && fewer:
		return believeTwice, indexStuck
	case r.Index < was.index && fewer:
		return believeTwice, indexBack
	}
	return believe, ""
}

// judgeList is judge for the list of services. Consul's own service is always in it (except in
// a namespace of Enterprise's), so a list without anything is not believed as it stands. One
// that lacks a name takes nothing away: that service is asked for, consistently.
func judgeList(was previous, r consul.Reply, is content, partial bool) (verdict, doubt) {
	v, why := judge(was, r, is, partial)
	switch {
	case v == needsWitness: // there is no better one than the list itself
		return reject, hidden
	case v == verify && is.weight > 0:
		return believe, ""
	}
	return v, why
}

// judgeEntries is judge for the config entries of a kind. What an answer lacks is asked for by its name, of
// the leader, before it is believed to be gone (see package guard). So an answer need not be given twice,
// and policies that hide a part of it are no reason to doubt the rest.
func judgeEntries(was previous, r consul.Reply, is content, _ bool) (verdict, doubt) {
	v, why := judge(was, r, is, true)
	if v == askLeader || v == reject {
		return v, why
	}
	return believe, ""
}
