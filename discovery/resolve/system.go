package resolve

import (
	"bufio"
	"bytes"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"legate/internal/files"
)

// maxFile bounds the hosts file, in bytes: lists of what is blocked have some megabytes.
const maxFile = 64 << 20

// followed is a file's value, parsed, and anew when the file has changed. A file that cannot be read
// counts as empty.
func followed[T any](path string, parse func(text []byte) T) *files.Value[T] {
	return files.Lazy(files.Source[T]{
		Files: func() []string { return []string{path} },
		Read: func() (T, error) {
			text, _ := files.Read(path, maxFile) // see above
			return parse(text), nil
		},
	})
}

// parseHosts reads hosts(5): an address and its names in each line.
func parseHosts(text []byte) map[string][]netip.Addr {
	hosts := map[string][]netip.Addr{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		line, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		address, err := netip.ParseAddr(fields[0])
		if err != nil {
			continue
		}
		for _, name := range fields[1:] {
			name = strings.TrimSuffix(strings.ToLower(name), ".")
			hosts[name] = append(hosts[name], address.Unmap())
		}
	}
	return hosts
}

// listed are a name's addresses in the hosts file, of one family.
func listed(hosts map[string][]netip.Addr, name string) []netip.Addr {
	all := hosts[strings.TrimSuffix(name, ".")]
	is6 := func(a netip.Addr) bool { return a.Is6() }
	if four := slices.DeleteFunc(slices.Clone(all), is6); len(four) > 0 {
		return sorted(four)
	}
	return sorted(slices.Clone(all))
}

// parseResolv reads resolv.conf(5). Without a server in it there is one on this machine.
func parseResolv(text []byte) *dns.ClientConfig {
	c, err := dns.ClientConfigFromReader(bytes.NewReader(text))
	if err != nil {
		c = &dns.ClientConfig{Ndots: 1}
	}
	if len(c.Servers) == 0 {
		c.Servers = []string{"127.0.0.1"}
	}
	if c.Port == "" {
		c.Port = "53"
	}
	return c
}

func sorted(all []netip.Addr) []netip.Addr {
	slices.SortFunc(all, netip.Addr.Compare)
	return slices.Compact(all)
}
