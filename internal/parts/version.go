package parts

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Versions that tools/ pins.
const (
	ConsulVersion     = "1.22.7"
	EnvoyVersion      = "1.40.0"
	PrometheusVersion = "3.16.0"
)

// version is what a program reports. suffix is an edition ("+ent") or a pre-release ("-dev").
type version struct {
	major, minor, patch int
	suffix              string
}

func (v version) String() string {
	return fmt.Sprintf("%d.%d.%d%s", v.major, v.minor, v.patch, v.suffix)
}

// consulFits accepts the community edition of Consul 1.22: discovery is tested with the quirks of
// one minor release, and the enterprise edition needs a licence.
func consulFits(v version) bool {
	return v.major == 1 && v.minor == 22 && v.suffix == ""
}

// envoyFits accepts Envoy 1.40 and later 1.x: an older one may reject newer fields of the protocol
// buffers, and later ones keep the v3 API.
func envoyFits(v version) bool {
	return v.major == 1 && v.minor >= 40
}

// prometheusFits accepts Prometheus 2.42, which Debian 12 has, and later ones: it knows every function
// and every setting of examples/grafana.
func prometheusFits(v version) bool {
	return v.major > 2 || v.major == 2 && v.minor >= 42
}

var (
	consulSays     = regexp.MustCompile(`(?m)^Consul v(\d+)\.(\d+)\.(\d+)(\S*)`)
	envoySays      = regexp.MustCompile(`(?m)version: [0-9a-f]+/(\d+)\.(\d+)\.(\d+)([^/\s]*)/`)
	prometheusSays = regexp.MustCompile(`(?m)^prometheus, version (\d+)\.(\d+)\.(\d+)(\S*)`)
)

func parseVersion(says *regexp.Regexp, output string) (version, error) {
	m := says.FindStringSubmatch(output)
	if m == nil {
		return version{}, fmt.Errorf("no version in %q", strings.TrimSpace(output))
	}
	var v version
	for i, field := range []*int{&v.major, &v.minor, &v.patch} {
		n, err := strconv.Atoi(m[i+1])
		if err != nil {
			return version{}, fmt.Errorf("version %q: %w", m[0], err)
		}
		*field = n
	}
	v.suffix = m[4]
	return v, nil
}

// probing is how long a program may take to say its version. On a machine with many more runnable processes than cores that has
// taken 16 s, and a program that does not answer is built again from source.
const probing = 2 * time.Minute

// probe runs the program to ask for its version. That also shows whether it can run on this
// machine.
func (p Program) probe(ctx context.Context, path string) (version, error) {
	ctx, cancel := context.WithTimeout(ctx, probing)
	defer cancel()
	for {
		out, err := exec.CommandContext(ctx, path, p.versionArg).CombinedOutput()
		if errors.Is(err, syscall.ETXTBSY) {
			// A child that another goroutine has just forked may still have the new file open for
			// writing.
			time.Sleep(10 * time.Millisecond)
			continue
		}
		if err != nil {
			return version{}, fmt.Errorf("run %q: %w", path+" "+p.versionArg, err)
		}
		return parseVersion(p.says, string(out))
	}
}
