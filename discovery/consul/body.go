package consul

import (
	"fmt"
	"io"
)

// maxAnswer bounds one answer's size in bytes. A health answer takes about 1 KB an instance.
const maxAnswer = 256 << 20

// boundedBody refuses to be read without end.
type boundedBody struct {
	io.ReadCloser
	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("answer is larger than %d bytes", int64(maxAnswer))
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	return n, err
}
