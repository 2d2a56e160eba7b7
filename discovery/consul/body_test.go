package consul

import (
	"io"
	"testing"
)

// endless is a body of as many bytes as anybody wants.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
func (endless) Close() error               { return nil }

func TestAnAnswerWithoutAnEndIsAnError(t *testing.T) {
	b := &boundedBody{ReadCloser: endless{}, left: 10}
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{b}, make([]byte, 5))
	if n != 10 || err == nil {
		t.Errorf("read %d bytes: %v", n, err)
	}
}
