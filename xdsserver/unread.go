package xdsserver

import (
	"sync"
	"time"

	"google.golang.org/grpc/codes"

	"legate/xdsserver/admission"
)

// unread bounds the memory of answers to unary requests, over REST and gRPC together, that clients have not read yet.
// (Streams need no such bound: they share what they send, and a stream whose client reads nothing is sent no more.)
type unread struct {
	limits admission.Limits
	budget *admission.Budget

	mu    sync.Mutex
	bytes int
	of    map[*visitor]int // bytes by address; none is zero
}

func newUnread(limits admission.Limits, b *admission.Budget) *unread {
	return &unread{limits: limits, budget: b, of: map[*visitor]int{}}
}

// answer is the memory of one answer. It belongs to the goroutine that answers.
type answer struct {
	*unread
	by   *visitor // of the client
	held int      // bytes
}

// grow reserves memory for an answer of so many bytes in all. It is called before they are made.
func (a *answer) grow(to int) error {
	if to <= a.held {
		return nil
	}
	if to > a.limits.AnswerBytes {
		return admission.Refuse(admission.LimitAnswerBytes, codes.ResourceExhausted, 0, "let that client name fewer resources, or use a stream; or raise xds.max_answer_bytes",
			"the answer has more than %d bytes; ask for fewer resources at a time, or on a stream", a.limits.AnswerBytes)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	more := to - a.held
	if a.bytes+more > a.limits.UnreadBytes || a.of[a.by]+more > (a.limits.UnreadBytes+1)/2 {
		return admission.Refuse(admission.LimitUnreadBytes, codes.Unavailable, time.Second, "look which clients do not read what they ask for, or raise xds.max_unread_bytes if there is memory to spare",
			"too many answers are not taken in yet; come again later")
	}
	if err := a.budget.Take(&a.by.share, admission.HeldAnswers, more); err != nil {
		return err
	}
	a.bytes += more
	a.of[a.by] += more
	a.held = to
	return nil
}

// release gives the memory back: the client has read the answer, or is gone.
func (a *answer) release() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.budget.Give(&a.by.share, admission.HeldAnswers, a.held)
	a.bytes -= a.held
	if a.of[a.by] -= a.held; a.of[a.by] == 0 {
		delete(a.of, a.by)
	}
	a.held = 0
}
