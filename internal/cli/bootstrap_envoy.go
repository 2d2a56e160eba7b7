package cli

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"unicode"
)

//go:embed bootstrap.yaml.tmpl
var bootstrapTemplate string

// envoyBootstrap is what the template says.
type envoyBootstrap struct {
	NodeID, NodeCluster string
	Mode                string
	XDS                 endpoint
	Admin               endpoint
	Routes              []route
	TLS                 *bootstrapTLS // nil: in the clear
}

type endpoint struct {
	Host string
	Port uint16
	Name bool // the host is a name, not an IP address
}

type route struct {
	Listen  endpoint
	Service string
}

// Name is the listener's name: unique, since its address is.
func (r route) Name() string {
	return r.Service + "@" + net.JoinHostPort(r.Listen.Host, strconv.Itoa(int(r.Listen.Port)))
}

// Services are those that the routes lead to, each once.
func (b envoyBootstrap) Services() []string {
	var out []string
	for _, r := range b.Routes {
		if !slices.Contains(out, r.Service) {
			out = append(out, r.Service)
		}
	}
	return out
}

func parseRoute(s string) (route, error) {
	listen, service, ok := strings.Cut(s, "=")
	if !ok || service == "" {
		return route{}, fmt.Errorf("--route %q: want [HOST:]PORT=SERVICE, such as 8080=web", s)
	}
	if !strings.Contains(listen, ":") {
		listen = "127.0.0.1:" + listen
	}
	e, err := parseEndpoint("--route", listen)
	if err == nil && e.Name {
		err = fmt.Errorf("--route %q: the host must be an IP address of this machine, such as 127.0.0.1 or 0.0.0.0", s)
	}
	return route{Listen: e, Service: service}, err
}

func parseEndpoint(flag, s string) (endpoint, error) {
	host, port, err := net.SplitHostPort(s)
	n, bad := strconv.ParseUint(port, 10, 16)
	if err != nil || bad != nil || n == 0 || host == "" || strings.ContainsFunc(host, notInHost) {
		return endpoint{}, fmt.Errorf("%s %q: want HOST:PORT, such as 127.0.0.1:18000 or [::1]:18000", flag, s)
	}
	_, err = netip.ParseAddr(host)
	return endpoint{Host: host, Port: uint16(n), Name: err != nil}, nil
}

// notInHost reports what is neither in a host name nor in an IP address with a zone.
func notInHost(r rune) bool {
	return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(".-_:%", r)
}

func (b envoyBootstrap) write(w io.Writer) error {
	t, err := template.New("bootstrap").Funcs(template.FuncMap{"quote": quote}).Parse(bootstrapTemplate)
	if err != nil {
		return fmt.Errorf("parse the bootstrap template: %w", err)
	}
	if err := t.Execute(w, b); err != nil {
		return fmt.Errorf("write the bootstrap: %w", err)
	}
	return nil
}

// quote writes a text as a double-quoted YAML scalar: JSON's strings are YAML's.
func quote(s string) (string, error) {
	out, err := json.Marshal(s)
	return string(out), err
}
