package translate

import (
	"strings"
	"testing"

	"legate/discovery/catalog"
)

func TestAddressesAreChecked(t *testing.T) {
	long := strings.Repeat("a", 63)
	for _, c := range []struct {
		address string
		want    string // the host, or the reason in capitals
	}{
		{"10.0.0.1", "10.0.0.1"},
		{"127.0.0.1", "127.0.0.1"},
		{"FD00:0::1", "fd00::1"},
		{"169.254.0.1", "169.254.0.1"},
		{"::ffff:10.0.0.1", "10.0.0.1"},
		{"Host_1.Example.", "host_1.example."},
		{"localhost", "localhost"},
		{"3com", "3com"},
		{strings.Repeat(long+".", 3) + strings.Repeat("a", 61), strings.Repeat(long+".", 3) + strings.Repeat("a", 61)},

		{"", "ADDRESS"},
		{".", "ADDRESS"},
		{"a..b", "ADDRESS"},
		{"-a", "ADDRESS"},
		{"a-", "ADDRESS"},
		{"a b", "ADDRESS"},
		{"bücher.example", "ADDRESS"},
		{"[::1]", "ADDRESS"},
		{"10.0.0.1:80", "ADDRESS"},
		{"010.0.0.1", "ADDRESS"},
		{"10.0.0", "ADDRESS"},
		{"10.0.0.256", "ADDRESS"},
		{"http://a", "ADDRESS"},
		{"a\x00", "ADDRESS"},
		{long + "a", "ADDRESS"},
		{strings.Repeat("a.", 127), "ADDRESS"},
		{"0.0.0.0", "ADDRESS"},
		{"::", "ADDRESS"},
		{"::ffff:0.0.0.0", "ADDRESS"},
		{"224.0.0.1", "ADDRESS"},
		{"ff02::1", "ADDRESS"},
		{"255.255.255.255", "ADDRESS"},
		{"fe80::1%eth0", "ADDRESS"},
		{"FE80:0::1", "ADDRESS"},
		{"febf::1", "ADDRESS"},
	} {
		requireAddress(t, catalog.Instance{Address: c.address, Port: 1}, c.want)
	}
}

func TestSocketsAreChecked(t *testing.T) {
	for path, want := range map[string]string{
		"/run/web.sock":                "/run/web.sock",
		"@abstract":                    "@abstract",
		"/" + strings.Repeat("a", 106): "/" + strings.Repeat("a", 106),

		"/" + strings.Repeat("a", 107): "SOCKET",
		"web.sock":                     "SOCKET",
		"/":                            "SOCKET",
		"@":                            "SOCKET",
		"/a\x00b":                      "SOCKET",
		"/\xff":                        "SOCKET",
	} {
		requireAddress(t, catalog.Instance{SocketPath: path}, want)
	}
}

func TestPortsAreChecked(t *testing.T) {
	for port, want := range map[int]string{1: "a", 65535: "a", 0: "PORT", -1: "PORT", 65536: "PORT", 1<<32 + 80: "PORT"} {
		requireAddress(t, catalog.Instance{Address: "a", Port: port}, want)
	}
}

func requireAddress(t *testing.T, i catalog.Instance, want string) {
	t.Helper()
	addresses, flaws := Config{}.addressesOf(nil, part{}, i, "")
	got := ""
	for _, a := range addresses {
		got += a.host
	}
	for _, bad := range flaws {
		got += strings.ToUpper(string(bad.reason))
		if bad.detail == "" || bad.remedy == "" {
			t.Errorf("%q: a problem without detail or remedy", i.Address+i.SocketPath)
		}
	}
	if got != want {
		t.Errorf("address %q, port %d, socket %q: %s, want %s", i.Address, i.Port, i.SocketPath, got, want)
	}
}
