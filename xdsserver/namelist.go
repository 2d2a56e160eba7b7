package xdsserver

import (
	"bytes"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// nameList is the names in an encoded request: so many fields of one number, one after the other. They are not
// copied. A fleet asks for the same names again and again, a thousand in each request, and the table
// has nearly all of them already.
type nameList struct {
	encoded []byte
	count   int
}

// all yields the names with their places in the list. Their bytes are those of the request.
func (l nameList) all(yield func(i int, name []byte) bool) {
	b := l.encoded
	for i := 0; len(b) > 0; i++ {
		if len(b) > 2 && b[0] < 0x80 && b[1] < 0x80 && 2+int(b[1]) <= len(b) { // a short name: the usual case, made fast
			if !yield(i, b[2:2+b[1]]) {
				return
			}
			b = b[2+b[1]:]
			continue
		}
		_, _, tag := protowire.ConsumeTag(b)
		name, size := protowire.ConsumeBytes(b[max(tag, 0):])
		if tag < 0 || size < 0 || !yield(i, name) {
			return
		}
		b = b[tag+size:]
	}
}

func (l nameList) isEmpty() bool { return len(l.encoded) == 0 }

func (l nameList) has(name string) bool {
	if !bytes.Contains(l.encoded, []byte(name)) {
		return false
	}
	for _, n := range l.all {
		if string(n) == name {
			return true
		}
	}
	return false
}

func (l nameList) strings() []string {
	names := make([]string, 0, l.count)
	for _, n := range l.all {
		names = append(names, string(n))
	}
	return names
}

// span is where the fields of one number stand in an encoded request.
type span struct {
	from, to int
	count    int
	apart    bool // another field stands between them
}

// add notes another field.
func (s *span) add(from, to int) {
	s.apart = s.apart || s.count > 0 && from != s.to
	if s.count == 0 {
		s.from = from
	}
	s.to = to
	s.count++
}

// names are those in a span. Where they stand apart, as no encoder writes them, they are copied.
func (s span) names(b []byte, number protowire.Number) nameList {
	if !s.apart {
		return nameList{b[s.from:s.to], s.count}
	}
	var together []byte
	for at := s.from; at < s.to; {
		n, _, size := protowire.ConsumeField(b[at:])
		if size < 0 {
			break // it was read before, so it never is
		}
		if n == number {
			together = append(together, b[at:at+size]...)
		}
		at += size
	}
	return nameList{together, s.count}
}

// beside yields the parts of a request that stand beside its names. Names that stand apart are in them
// still.
func beside(b []byte, names ...span) func(yield func(part []byte) bool) {
	return func(yield func([]byte) bool) {
		slices.SortFunc(names, func(a, b span) int { return a.from - b.from })
		at := 0
		for _, s := range names {
			if s.count == 0 || s.apart {
				continue
			}
			if !yield(b[at:s.from]) {
				return
			}
			at = s.to
		}
		yield(b[at:])
	}
}
