package consul

import (
	"net/http"
	"net/url"
	"strings"
)

// wire is the last hand on a request before it leaves. Three things are set here because
// Consul's client library cannot be told them: the token of this moment, the name of a service or an
// entry escaped to the last byte, and that an environment variable must not speak for the Config.
type wire struct {
	next      http.RoundTripper
	token     *token
	prefix    string
	namespace string
	partition string
}

// libraryToken keeps the library from taking a token out of the environment. It never leaves.
const libraryToken = "set-on-the-wire"

const healthPath = "/v1/health/service/"

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	out := *req // a RoundTripper may not change what it was given
	out.Header = req.Header.Clone()
	out.Header.Del("X-Consul-Token")
	if t := w.token.current(); t != "" {
		out.Header.Set("X-Consul-Token", t)
	}
	u := *req.URL
	query := u.Query()
	setOrDelete(query, "ns", w.namespace)
	setOrDelete(query, "partition", w.partition)
	u.RawQuery = query.Encode()
	if before, name := w.named(u.Path); name != "" {
		u.RawPath = (&url.URL{Path: before}).EscapedPath() + escapeName(name)
	}
	out.URL = &u
	return w.next.RoundTrip(&out)
}

// named splits a path that ends in a name. Others have none.
func (w *wire) named(path string) (before, name string) {
	if name, ok := strings.CutPrefix(path, w.prefix+healthPath); ok {
		return w.prefix + healthPath, name
	}
	if entry, ok := strings.CutPrefix(path, w.prefix+configPath); ok {
		kind, name, _ := strings.Cut(entry, "/")
		return w.prefix + configPath + kind + "/", name
	}
	return path, ""
}

func setOrDelete(v url.Values, key, value string) {
	if value == "" {
		v.Del(key)
		return
	}
	v.Set(key, value)
}

// escapeName escapes all that has a meaning in a path. url.PathEscape leaves dots alone, and
// Consul answers the service ".." with a redirect to another endpoint.
func escapeName(name string) string {
	return strings.ReplaceAll(url.PathEscape(name), ".", "%2E")
}
