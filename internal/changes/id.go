package changes

import (
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
)

// ID names a change: mark-number. The zero ID names none.
type ID struct {
	Mark   string // of the start of Legate
	Number uint64 // 1, 2, 3, ...
}

// newMark returns a mark that no other start has, but for a chance of one in a billion.
func newMark() string { return strings.ToLower(rand.Text()[:6]) }

// String is the id as it is written; empty for the zero ID.
func (id ID) String() string {
	if id == (ID{}) {
		return ""
	}
	return id.Mark + "-" + strconv.FormatUint(id.Number, 10)
}

// MarshalText writes the id as String does.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (id *ID) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*id = ID{}
		return nil
	}
	mark, number, found := strings.Cut(string(text), "-")
	n, err := strconv.ParseUint(number, 10, 64)
	if !found || err != nil || n == 0 || mark == "" || len(text) > 40 {
		return fmt.Errorf("%.60q is not the id of a change: take one from an answer, such as k3f9qx-17", text)
	}
	*id = ID{mark, n}
	return nil
}
