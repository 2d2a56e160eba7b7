package xdsserver

import (
	"sync"

	"legate/xdsserver/admission"
)

// hold is what a response has Legate keep beside the resources, which are there for all: the list
// of them, and its bytes where they are its own. Streams that are sent the same share it, and it is
// counted once, for the address that is sent it first.
type hold struct {
	bytes int

	mu   sync.Mutex
	kept int // how often
	by   *admission.Share
}

// keep says that a stream has the response: it waits to be taken in, or to be answered. The budget
// may have no room for it. There may be no hold.
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
