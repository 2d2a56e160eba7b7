// Package consultest makes the answers of a Consul, for fakes that answer what a real one will not on demand.
package consultest

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Answer is an answer of Consul's HTTP API, of a leader that is known. Index 0 leaves the index out.
func Answer(code int, index uint64, body string) *http.Response {
	h := http.Header{"Content-Type": {"application/json"}, "X-Consul-Lastcontact": {"0"}, "X-Consul-Knownleader": {"true"}}
	if index > 0 {
		h.Set("X-Consul-Index", strconv.FormatUint(index, 10))
	}
	return &http.Response{StatusCode: code, ProtoMajor: 1, ProtoMinor: 1, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

// JSON is a value as Consul would write it. It panics if the value cannot be written.
func JSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}
