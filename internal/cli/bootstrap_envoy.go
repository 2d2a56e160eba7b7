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

	"legate/translate"
)

//go:embed bootstrap.yaml.tmpl
var bootstrapTemplate string

// envoyBootstrap is the template's data.
type envoyBootstrap struct {
	NodeID, NodeCluster string
	Region, Zone, Local string // empty: not said
	Mode                string
	XDS                 []address
	DNS                 *endpoint // that resolves the names in XDS; nil: the machine's own
	Admin               endpoint
	Routes              []route
	TLS                 *bootstrapTLS // nil: plaintext
}

// OwnCluster is the name of the cluster that leads to Legate itself. No service can have that name,
// so no service's requests ever reach Legate.
func (envoyBootstrap) OwnCluster() string { return translate.OwnCluster }

// ByName reports whether Envoy must resolve a host name to reach Legate.
func (b envoyBootstrap) ByName() bool {
	return slices.ContainsFunc(b.XDS, func(a address) bool { return a.Name })
}

// Several reports whether there may be more than one Legate.
func (b envoyBootstrap) Several() bool { return len(b.XDS) > 1 || b.ByName() }

type endpoint struct {
	Host string
	Port uint16
	Name bool // the host is a name, not an IP address
}

// address is one address of Legate: an endpoint, or the path of a unix socket.
type address struct {
	endpoint
	Path string
}

func (a address) String() string {
	if a.Path != "" {
		return unixScheme + a.Path
	}
	return net.JoinHostPort(a.Host, strconv.Itoa(int(a.Port)))
}

// parseAddresses parses Legate's addresses. Envoy cannot mix a unix socket with host names in one
// cluster.
func parseAddresses(given []string) (all []address, err error) {
	named, socket := "", ""
	for _, s := range given {
		a := address{}
		if path, isSocket := strings.CutPrefix(s, unixScheme); isSocket {
			a.Path, socket = path, s
			if !strings.HasPrefix(path, "/") {
				return nil, fmt.Errorf("--xds-address %q: want a whole path, such as unix:///run/legate/xds.sock", s)
			}
		} else if a.endpoint, err = parseEndpoint("--xds-address", s); err != nil {
			return nil, err
		}
		if a.Name {
			named = s
		}
		if slices.Contains(all, a) {
			return nil, fmt.Errorf("--xds-address %q: it is there twice: remove one", s)
		}
		all = append(all, a)
	}
	if named != "" && socket != "" {
		return nil, fmt.Errorf("--xds-address %q and %q: Envoy cannot mix unix sockets and host names: give IP addresses instead of names", socket, named)
	}
	return all, nil
}

type route struct {
	Listen  endpoint
	Service string
}

// Name is the listener's name. It is unique, since the address is.
func (r route) Name() string {
	return r.Service + "@" + net.JoinHostPort(r.Listen.Host, strconv.Itoa(int(r.Listen.Port)))
}

// Static returns the services whose clusters stand in the bootstrap, each once: those that come with no CDS, and the
// local cluster, which Envoy takes from there only.
func (b envoyBootstrap) Static() (names []string) {
	if b.Local != "" {
		names = append(names, b.Local)
	}
	if b.Mode != "rest" {
		return names
	}
	for _, r := range b.Routes {
		if !slices.Contains(names, r.Service) {
			names = append(names, r.Service)
		}
	}
	return names
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

// notInHost reports whether a character is in no host name and in no IP address with a zone.
func notInHost(r rune) bool {
	return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(".-_:%", r)
}

func (b envoyBootstrap) write(w io.Writer) error {
	if err := execute(w, bootstrapTemplate, b); err != nil {
		return fmt.Errorf("write the bootstrap: %w", err)
	}
	return nil
}

// execute runs a YAML template. The template calls quoted on the texts in it.
func execute(w io.Writer, text string, data any) error {
	t, err := template.New("").Funcs(template.FuncMap{"quote": quoted}).Parse(text)
	if err != nil {
		return err
	}
	return t.Execute(w, data)
}

// quoted returns a text as a double-quoted YAML scalar: every JSON string is one.
func quoted(s string) (string, error) {
	out, err := json.Marshal(s)
	return string(out), err
}
