package watch

import (
	"time"

	"legate/discovery/consul"
)

// trial bounds how long a question waits for an index that Consul may never reach. The servers of a datacenter that was
// built anew, or restored from a snapshot, have lower indexes than before. An agent that follows a service over a stream
// may not know that yet: it answers at once, as of before, with the old index. Nothing that the servers do from then on
// ends a question that waits for that, until their indexes are beyond it.
//
// So an index that comes at once after the leader's is on trial: the next questions wait for firstTrial, twice that, and
// so on. One that ends with a lower index starts over. That costs a few answers for each service, once after each start.
type trial struct {
	leaders bool // the index to wait for is the leader's word
	waited  int  // how often an index on trial was waited for in vain, from 1 on; 0: none is on trial
}

const (
	firstTrial = 5 * time.Second
	lastTrial  = 5 // waits for firstTrial << (lastTrial-1), longer than --consul-wait is by default
)

// wait is how long the next question waits at most; 0: as long as the client has it.
func (t *trial) wait() time.Duration {
	if t.waited == 0 {
		return 0
	}
	return firstTrial << (t.waited - 1)
}

// believed takes in an answer that is believed.
func (t *trial) believed(how consul.Question, r consul.Reply) {
	switch moved := r.Index != how.Index; {
	case how.Index == 0:
		*t = trial{leaders: how.Consistent}
	case t.leaders && moved && r.Took < time.Second:
		*t = trial{waited: 1}
	case moved: // who tells what changes does follow the servers
		*t = trial{}
	case t.waited > 0:
		t.waited = (t.waited + 1) % (lastTrial + 1)
	}
}
