package files

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxToken is the size limit of a token in bytes. Longer text is not a token.
const maxToken = 4096

// Token returns the token in a text. White space around it is dropped: files have it, and so do
// variables that were set from files. The token is empty if there is nothing else. An error says
// what is wrong with the text without quoting it.
func Token(text string) (string, error) {
	if len(text) > maxToken {
		return "", fmt.Errorf("it has more than %d bytes: write the token alone there", maxToken)
	}
	for _, mark := range []string{"\ufeff", "\xff\xfe", "\xfe\xff"} {
		if strings.HasPrefix(text, mark) {
			return "", errors.New("it begins with a byte order mark, as some editors write it: save it as plain ASCII, without one")
		}
	}
	token := strings.TrimSpace(text)
	switch {
	case strings.ContainsAny(token, "\r\n"):
		return "", errors.New("it has more than one line: write the token alone there")
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", errors.New("it has a space, or another character that no token has: write the token alone there")
	}
	return token, nil
}

// ReadToken returns the token in a file. It reads no more than a token can have.
func ReadToken(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxToken+1))
	if err != nil {
		return "", err
	}
	token, err := Token(string(text))
	if err == nil && token == "" {
		err = errors.New("it is empty: write the token into it")
	}
	return token, err
}
