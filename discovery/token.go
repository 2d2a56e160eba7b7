package discovery

import (
	"errors"
	"fmt"
	"os"
	"strings"

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
	fixed, err := tokenIn(value)
	if err != nil {
		return nil, fmt.Errorf("consul token: %w", err)
	}
	if file == "" {
		return &token{value: fixed}, nil
	}
	followed, err := keep(kept, fmt.Sprintf("consul token file %q", file), func() []string { return []string{file} }, func() (string, error) {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		value, err := tokenIn(string(text))
		if err == nil && value == "" {
			err = errors.New("it is empty")
		}
		return value, err
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

// tokenIn is the token in a text that may have white space around it, as files have, and variables
// that were made of files. An error says what is wrong with the text, and never what is in it.
func tokenIn(text string) (string, error) {
	value := strings.TrimSpace(text)
	switch {
	case strings.ContainsAny(value, "\r\n"):
		return "", errors.New("it has more than one line: write the token alone there")
	case strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", errors.New("it has a space, or another character that no token has: write the token alone there")
	}
	return value, nil
}
