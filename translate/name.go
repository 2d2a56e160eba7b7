package translate

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"legate/discovery/catalog"
)

// OwnCluster is the name of the cluster over which an Envoy reaches Legate, in the bootstraps that
// Legate makes. A service of that name is not served: the bootstrap's own cluster would win, and
// the service's requests would reach Legate.
const OwnCluster = "_legate"

// maxName bounds names, in bytes. Neither Consul nor Envoy has a limit; 255 is what DNS could
// carry, and keeps one registration from weighing on every statistic and every request log.
const maxName = 255

// checkName says why there is no cluster of the service's name: the name cannot be one, or it does not say where
// the service is.
func (c Config) checkName(k catalog.ServiceKey) flaw {
	if k.Peer != "" && k.Datacenter != c.Datacenter {
		return flaw{OtherDatacenter, fmt.Sprintf("datacenter %s, peer %s", quote(k.Datacenter), quote(k.Peer)),
			fmt.Sprintf("watch the peers of datacenter %s only, or serve that one by a Legate of its own", quote(c.Datacenter))}
	}
	reason := invalidName(k.Name)
	switch {
	case k.Name == "*":
		reason = "stands for all names in xDS"
	case k.Name == OwnCluster:
		reason = "is the cluster over which Envoys reach Legate"
	case reason == "" && !k.Askable():
		reason = "has a character that is not printable, and Consul does not let anybody ask for it"
	case strings.HasPrefix(k.Name, "xdstp:"):
		reason = "has the form of an xdstp name, which xDS clients take apart"
	}
	if reason == "" {
		return flaw{}
	}
	return flaw{BadName, fmt.Sprintf("service name %s: %s", quote(k.Name), reason),
		"register the service under another name, a plain one of at most 255 bytes"}
}

// invalidName says why s cannot be a name in a resource; it is empty if s can be one. Protobuf strings
// are UTF-8, and a control character in a name ends up in logs, headers and statistics.
func invalidName(s string) string {
	switch {
	case s == "":
		return "empty"
	case len(s) > maxName:
		return "longer than " + strconv.Itoa(maxName) + " bytes"
	case !utf8.ValidString(s):
		return "not UTF-8"
	}
	for _, r := range s {
		if unicode.IsControl(r) {
			return "has a control character"
		}
	}
	return ""
}
