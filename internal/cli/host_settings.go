package cli

import (
	"errors"
	"strings"
	"time"

	dns "legate/discovery/resolve"
	"legate/translate"
	"legate/translate/policy"
)

// hostSettings choose the address of an instance and who resolves host names. The resolver and the
// translation must agree on both.
func hostSettings(r *dns.Config, t *translate.Config) []*setting {
	const category = "Addresses"
	reach := list(&r.Reach, setting{
		name: "address", env: "LEGATE_ADDRESS", key: "services.address", category: category, hint: "auto|lan|wan|TAG",
		usage: "Address of an instance, the first of these that it has: auto is the address of the service, or else of its node; " +
			"lan and wan are the tagged addresses (lan without a tag is auto); any other word is the tag of a tagged address. An instance with none of them is left out.",
	})
	reach.fallback = "auto"
	reach.set = func(v []string) error {
		r.Reach = nil
		for _, one := range v {
			r.Reach = append(r.Reach, split(one)...)
		}
		if t.Reach = r.Reach; strings.Join(v, "") == "" {
			return errors.New("want auto, lan, wan, or the tag of a tagged address")
		}
		return nil
	}
	return []*setting{
		reach,
		boolean(&t.Resolved, setting{
			name: "resolve", env: "LEGATE_RESOLVE", key: "services.resolve", category: category,
			usage: "Resolve host names that instances have instead of IP addresses, and keep the last addresses while DNS is away. " +
				"--resolve=false leaves that to Envoy: a service with a host name becomes a DNS cluster, which Envoy rebuilds at every change of an instance.",
		}),
		list(&r.Servers, setting{
			name: "resolve-dns", env: "LEGATE_RESOLVE_DNS", key: "services.resolve_dns", category: category, hint: "IP[:PORT]",
			usage: "DNS servers to use instead of those of /etc/resolv.conf, in order. /etc/hosts takes precedence in any case.",
		}),
		then(duration(&r.Refresh, 100*time.Millisecond, r.Most, setting{
			name: "resolve-refresh", env: "LEGATE_RESOLVE_REFRESH", key: "services.resolve_refresh", category: category, hint: "SPAN",
			usage: "Minimum interval between two look-ups of a name. The maximum is " + r.Most.String() + "; in between the TTL of the answer counts.",
		}), func() { t.Defaults.DNS.Refresh = (*policy.Duration)(&r.Refresh) }),
		duration(&r.Keep, 0, 30*24*time.Hour, setting{
			name: "resolve-keep", env: "LEGATE_RESOLVE_KEEP", key: "services.resolve_keep", category: category, hint: "SPAN",
			usage: "How long addresses are kept after DNS said that the name does not exist (NXDOMAIN). While DNS is silent, fails, or has no address, they are kept.",
		}),
	}
}
