package discovery

// Which answers are believed. Consul can answer 200 with wrong, empty data: a server or agent
// that has just restarted, a follower that lost its leader, a token that lost its policies. What
// is not believed changes nothing: the last believed value stays.

// verdict is what to do with an answer.
type verdict uint8

const (
	believe verdict = iota
	again           // ask at once, consistently and from the start
	witness         // believe only if the list of services, asked consistently, is not empty
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

// judge is a pure function of the question's past and the answer. The reason is empty for a
// believed answer.
//
//   - An index that went back means that Consul's state is another one (a restore, a new
//     cluster, a server that lags); one that stands still while the body changed, or is 1 or
//     less after a higher one, means that the answer is not from the state it claims.
//   - Emptiness is believed from a consistent answer only. Where the token's policies hide what
//     they do not allow, emptiness may be ours and not Consul's, and needs a witness.
//   - A smaller answer that begins to be filtered by policies is a token that lost rights.
func judge(was seen, r reply, is sight) (verdict, string) {
	doubt := again
	if r.consistent {
		doubt = reject
	}
	empty := is.weight == 0
	switch {
	case r.index == 0:
		return doubt, "has no index"
	case r.index == 1 && (was.index > 1 || empty):
		return doubt, "index is 1, as in an error or before Consul has loaded its state"
	case !r.consistent && r.index < was.index:
		return again, "index went back"
	case !r.consistent && r.index == was.index && was.index > 0 && is.changed:
		return again, "content changed while the index did not"
	case r.filtered && !was.filtered && is.weight < was.weight:
		return doubt, "the token's policies hide what they showed before"
	case empty && was.weight > 0 && !r.consistent:
		return again, "is empty"
	case empty && r.deny && (was.weight > 0 || was.index == 0):
		return witness, "is empty, and the token's policies may hide the rest"
	}
	return believe, ""
}

// judgeList is judge for the list of services. Consul's own service is always in it (except in
// a namespace of Enterprise's), so a list without anything is not believed as it stands.
func judgeList(was seen, r reply, is sight) (verdict, string) {
	v, why := judge(was, r, is)
	if v == witness { // there is no better one than the list itself
		return reject, "the list of services is empty, and policies hide what the token may not see: it needs service:read and node:read"
	}
	return v, why
}
