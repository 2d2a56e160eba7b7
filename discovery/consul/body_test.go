package consul

import (
	"io"
	"net/http"
	"net/http/httptest"
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

func TestEachAnswersBodyIsBounded(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	must(t, err)
	resp, err := poolTo(t, server, 1).RoundTrip(req)
	must(t, err)
	if b, is := resp.Body.(*boundedBody); !is || b.left != maxAnswer {
		t.Errorf("the body is a %T", resp.Body)
	}
	must(t, resp.Body.Close())
}
