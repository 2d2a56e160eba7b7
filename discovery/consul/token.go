package consul

import (
	"fmt"

	"legate/internal/files"
)

// token is the ACL token that goes with the next request. A token file that cannot be used, or is
// empty for a moment while it is written, leaves the last good token in place.
type token struct {
	value string               // where there is no file
	file  *files.Value[string] // nil: there is none
}

// newToken fails if there is a file and nothing can be read from it: that is a mistake to
// report at start, not one to wait out.
func newToken(value, file string, kept *credentials) (*token, error) {
	fixed, err := files.Token(value)
	if err != nil {
		return nil, fmt.Errorf("consul token: %w", err)
	}
	if file == "" {
		return &token{value: fixed}, nil
	}
	followed, err := keep(kept, fmt.Sprintf("consul token file %q", file), func() []string { return []string{file} }, func() (string, error) {
		return files.ReadToken(file)
	})
	if err != nil {
		return nil, err
	}
	return &token{file: followed}, nil
}

// current is the token to send now.
func (t *token) current() string {
	if t.file == nil {
		return t.value
	}
	return t.file.Now()
}
