package admission

import "sync"

// Charge counts memory that several holders share against a [Budget], once: for the address of the first holder. It
// is given back with the last one. Its methods may be called concurrently. A nil Charge counts nothing.
type Charge struct {
	kind  Kind
	bytes int

	mu      sync.Mutex
	holders int
	to      *Share
}

// NewCharge returns a charge for so many bytes, which nobody has yet.
func NewCharge(k Kind, bytes int) *Charge { return &Charge{kind: k, bytes: bytes} }

// Acquire adds a holder. The error is an [*Error]: the budget has no room.
func (c *Charge) Acquire(b *Budget, s *Share) error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.holders == 0 {
		if err := b.Take(s, c.kind, c.bytes); err != nil {
			return err
		}
		c.to = s
	}
	c.holders++
	return nil
}

// Release undoes an Acquire.
func (c *Charge) Release(b *Budget) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.holders--; c.holders == 0 {
		b.Give(c.to, c.kind, c.bytes)
		c.to = nil
	}
}
