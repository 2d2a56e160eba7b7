package xdsserver

import (
	"sync"

	"legate/xdsserver/admission"
)

// hold is the memory that a response takes beside the resources, which all streams share: the list of its
// resources, and bytes that were made for it alone. Streams that are sent the same response share its hold.
// It is counted against the budget once, for the address that was sent it first.
type hold struct {
	bytes int

	mu   sync.Mutex
	kept int // how often
	by   *admission.Share
}

// keep notes that a stream has the response, which waits to be taken in or to be answered. It fails if the
// budget has no room. The hold may be nil.
func (h *hold) keep(b *admission.Budget, s *admission.Share) error {
	if h == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.kept == 0 {
		if err := b.Take(s, admission.HeldResponses, h.bytes); err != nil {
			return err
		}
		h.by = s
	}
	h.kept++
	return nil
}

// drop undoes a keep.
func (h *hold) drop(b *admission.Budget) {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.kept--; h.kept == 0 {
		b.Give(h.by, admission.HeldResponses, h.bytes)
		h.by = nil
	}
}

// Each resource of a response is an entry, a message and up to two buffers, in bytes; one that was
// joined is an entry and a message.
const (
	resourceBytes = 112
	joinedBytes   = 24
)
