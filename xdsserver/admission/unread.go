package admission

import (
	"sync"
	"time"

	"google.golang.org/grpc/codes"
)

// unread bounds the memory of answers to unary requests, over REST and gRPC together, that clients have not read yet.
// (Streams need no such bound: they share what they send, and a stream whose client reads nothing is sent no more.)
type unread struct {
	mu    sync.Mutex
	bytes int
	of    map[*Address]int // bytes; none is zero
}

// Answer is the memory of one answer to a unary request. It belongs to the goroutine that answers.
type Answer struct {
	limiter *Limiter
	address *Address
	bytes   int
}

// NewAnswer returns an empty answer to a client at an address.
func (l *Limiter) NewAnswer(to *Address) *Answer { return &Answer{limiter: l, address: to} }

// Grow reserves memory for an answer of so many bytes in all. It is called before they are made. The error is a limit
// error.
func (a *Answer) Grow(to int) error {
	l, u := a.limiter, &a.limiter.unread
	if to <= a.bytes {
		return nil
	}
	if to > l.limits.AnswerBytes {
		return Refuse(LimitAnswerBytes, codes.ResourceExhausted, 0, "let that client name fewer resources, or use a stream; or raise xds.max_answer_bytes",
			"the answer has more than %d bytes; ask for fewer resources at a time, or on a stream", l.limits.AnswerBytes)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	more := to - a.bytes
	if u.bytes+more > l.limits.UnreadBytes || u.of[a.address]+more > (l.limits.UnreadBytes+1)/2 {
		return Refuse(LimitUnreadBytes, codes.Unavailable, time.Second, "look which clients do not read what they ask for, or raise xds.max_unread_bytes if there is memory to spare",
			"too many answers are not taken in yet; come again later")
	}
	if err := l.budget.Take(&a.address.share, HeldAnswers, more); err != nil {
		return err
	}
	u.bytes += more
	u.of[a.address] += more
	a.bytes = to
	return nil
}

// Release gives the memory back: the client has read the answer, or is gone.
func (a *Answer) Release() {
	l, u := a.limiter, &a.limiter.unread
	u.mu.Lock()
	defer u.mu.Unlock()
	l.budget.Give(&a.address.share, HeldAnswers, a.bytes)
	u.bytes -= a.bytes
	if u.of[a.address] -= a.bytes; u.of[a.address] == 0 {
		delete(u.of, a.address)
	}
	a.bytes = 0
}
