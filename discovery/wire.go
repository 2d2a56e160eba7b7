package discovery

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/hashicorp/consul/api"
)

// wire carries questions to Consul, and answers back. It does so without Consul's client library,
// which reads settings from the environment behind the Config's back, escapes names of services
// too little, has one token for ever, and needs twice the CPU and memory for each question.
type wire struct {
	next      http.RoundTripper
	address   address
	token     *token
	auth      HTTPAuth
	namespace string
	partition string
	bodies    sync.Pool // of *bytes.Buffer
}

const healthPath = "/v1/health/service/"

// get asks for path and decodes the answer into out. What it returns is the answer's header. An
// answer that is not 200 is an [api.StatusError]. Redirects are not followed: Consul sends none,
// and a token must not follow one to another host.
func (w *wire) get(ctx context.Context, path string, params url.Values, out any) (http.Header, error) {
	resp, err := w.next.RoundTrip(w.request(path, params).WithContext(ctx))
	if err != nil {
		if errors.Is(err, io.EOF) { // of the connection, not of an answer
			err = errClosed
		}
		return nil, err
	}
	defer resp.Body.Close()
	body, ok := w.bodies.Get().(*bytes.Buffer)
	if !ok {
		body = &bytes.Buffer{}
	}
	defer w.bodies.Put(body)
	body.Reset()
	if _, err := body.ReadFrom(resp.Body); err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, api.StatusError{Code: resp.StatusCode, Body: firstLine(body.Bytes())}
	}
	if err := json.Unmarshal(body.Bytes(), out); err != nil {
		return nil, fmt.Errorf("%w: %w", errGarbage, err)
	}
	return resp.Header, nil
}

func (w *wire) request(path string, params url.Values) *http.Request {
	setIfAny(params, "ns", w.namespace)
	setIfAny(params, "partition", w.partition)
	u := &url.URL{Scheme: w.address.scheme, Host: w.address.host(), Path: w.address.prefix + path, RawQuery: params.Encode()}
	if name, ok := strings.CutPrefix(path, healthPath); ok {
		u.RawPath = (&url.URL{Path: w.address.prefix + healthPath}).EscapedPath() + escapeName(name)
	}
	req := &http.Request{Method: http.MethodGet, URL: u, Header: make(http.Header, 2)}
	if t := w.token.current(); t != "" {
		req.Header.Set("X-Consul-Token", t)
	}
	if w.auth != (HTTPAuth{}) {
		req.SetBasicAuth(w.auth.Username, w.auth.Password)
	}
	return req
}

func setIfAny(v url.Values, key, value string) {
	if value != "" {
		v.Set(key, value)
	}
}

// escapeName escapes all that has a meaning in a path. url.PathEscape leaves dots alone, and
// Consul answers the service ".." with a redirect to another endpoint.
func escapeName(name string) string {
	return strings.ReplaceAll(url.PathEscape(name), ".", "%2E")
}

// firstLine is what of an error page is worth telling.
func firstLine(page []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(page[:min(len(page), 1000)])), "\n")
	return line[:min(len(line), 300)]
}
