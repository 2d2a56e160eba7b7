package resolve

import (
	"bufio"
	"bytes"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// file is a value that is parsed from a file, and anew when the file has changed. A file that cannot be
// read counts as empty.
type file[T any] struct {
	path  string
	parse func(text []byte) T

	mu    sync.Mutex
	mtime time.Time
	size  int64
	is    T
	read  bool
}

func (f *file[T]) now() T {
	f.mu.Lock()
	defer f.mu.Unlock()
	var mtime time.Time
	size := int64(-1)
	if info, err := os.Stat(f.path); err == nil {
		mtime, size = info.ModTime(), info.Size()
	}
	if f.read && mtime.Equal(f.mtime) && size == f.size {
		return f.is
	}
	text, _ := os.ReadFile(f.path) // see above
	f.is, f.mtime, f.size, f.read = f.parse(text), mtime, size, true
	return f.is
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
