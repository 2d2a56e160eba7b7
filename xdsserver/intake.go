package xdsserver

import (
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"

	"legate/xdsserver/admission"
)

// gRPC reports a message as sent when it is in a queue, however long the client takes to read what is before it in the
// queue. To know what a client reads, a stream marks some of the buffers that it sends: gRPC frees a marked buffer when
// its bytes have left the queue.

const (
	// markEvery is how far apart marks are, in bytes: as far as an HTTP/2 frame is long. A message
	// has one at its end.
	markEvery = 16 << 10
	// markSize is how large a buffer must be, at least, so that gRPC gives it back.
	markSize = 1<<10 + 1
	// waitingMost is how many bytes may wait to be taken in when the next message is sent. With
	// fewer gRPC takes any message without waiting.
	waitingMost = 64 << 10
	// messageHeader is what gRPC puts before each message, in bytes.
	messageHeader = 5
)

// intake is the flow control of a stream: what was sent and has not left the queue yet.
type intake struct {
	waiting atomic.Int64  // bytes
	took    chan struct{} // has something in it if some were taken in
	marks   *sync.Pool    // of *mark, which all streams share

	of      *limitedStream
	mu      sync.Mutex
	charges []*admission.Charge // for the messages that wait, oldest first
}

// charge counts the memory of a message that is sent next, until it is taken in.
func (in *intake) charge(c *admission.Charge) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if err := c.Acquire(in.of.within.budget, in.of.admitted.Share()); err != nil {
		return err
	}
	in.charges = append(in.charges, c)
	return nil
}

// takenIn says that the oldest message was taken in.
func (in *intake) takenIn() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.charges) > 0 {
		in.charges[0].Release(in.of.within.budget)
		in.charges = in.charges[1:]
	}
}

// end says that nothing is taken in any more.
func (in *intake) end() {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, c := range in.charges {
		c.Release(in.of.within.budget)
	}
	in.charges = nil
}

// mark is a buffer that tells when it was taken in, and what stood before it with it.
type mark struct {
	of    *intake
	bytes int64
	last  bool // of its message
	data  []byte
	own   []byte
}

// Get is no way to a mark: it is a mem.BufferPool for what is given back only.
func (*mark) Get(int) *[]byte { return new([]byte) }

// Put is called by gRPC when it does not need the mark any more.
func (m *mark) Put(*[]byte) {
	of := m.of
	of.waiting.Add(-m.bytes)
	if m.last {
		of.takenIn()
	}
	select {
	case of.took <- struct{}{}:
	default: // nobody has looked since
	}
	m.of, m.data = nil, nil
	of.marks.Put(m)
}

// mark makes of bytes a buffer that tells when they were taken in, and so many before them.
func (in *intake) mark(data []byte, bytes int) *mark {
	m, _ := in.marks.Get().(*mark)
	if m == nil {
		m = &mark{}
	}
	if cap(data) < markSize {
		if m.own == nil { // most marks are large
			m.own = make([]byte, 0, markSize)
		}
		m.own = append(m.own[:0], data...)
		data = m.own
	}
	m.of, m.bytes, m.last, m.data = in, int64(bytes), false, data
	return m
}

func (m *mark) buffer() mem.Buffer { return mem.NewBuffer(&m.data, m) }

// send counts a message in, and returns it with marks.
func (in *intake) send(message mem.BufferSlice) mem.BufferSlice {
	size := message.Len() + messageHeader
	in.waiting.Add(int64(size))
	last := len(message) - 1
	if size <= markEvery { // the usual case
		m := in.mark(message[last].ReadOnlyData(), size)
		m.last = true
		message[last] = m.buffer()
		return message
	}
	marked := make(mem.BufferSlice, 0, len(message)+2*(size/markEvery)+1)
	run := messageHeader
	var m *mark
	for i, b := range message {
		for data := b.ReadOnlyData(); len(data) > 0; {
			n := min(len(data), markEvery-run)
			part := data[:n]
			data = data[n:]
			run += n
			if run == markEvery || (i == last && len(data) == 0) {
				m = in.mark(part, run)
				marked = append(marked, m.buffer())
				run = 0
			} else {
				marked = append(marked, mem.SliceBuffer(part))
			}
		}
	}
	m.last = true
	in.waiting.Add(-int64(run)) // of buffers at the end with nothing in them
	return marked
}

// taken waits until fewer bytes than that wait to be taken in. A client that takes in nothing for
// too long is stuck; one that is slow is not.
func (l *limitedStream) taken(fewer int64) error {
	if l.intake.waiting.Load() < fewer {
		return nil
	}
	if err := l.within.budget.Take(l.admitted.Share(), admission.HeldRequests, admission.StreamWindow); err != nil {
		return err // nobody reads what it sends meanwhile
	}
	defer l.within.budget.Give(l.admitted.Share(), admission.HeldRequests, admission.StreamWindow)
	limit := l.within.limits.StuckSend
	stuck := time.NewTimer(limit)
	defer stuck.Stop()
	for l.intake.waiting.Load() >= fewer {
		select {
		case <-l.intake.took:
			stuck.Reset(limit)
		case <-stuck.C:
			if l.admitted.IsWriting() { // which is for the connection to judge
				stuck.Reset(limit)
				continue
			}
			return admission.Stuck()
		case <-l.Context().Done():
			if l.admitted.IsStuck() {
				return admission.ErrStuck
			}
			return status.FromContextError(l.Context().Err()).Err()
		}
	}
	return nil
}
