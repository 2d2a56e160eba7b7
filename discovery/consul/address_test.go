package consul

import (
	"testing"
)

func TestWhatIsSecretInAnAddressIsNotPrinted(t *testing.T) {
	for in, want := range map[string]string{
		"http://a:8500": "http://a:8500", "http://user:pass@a": "http://***@a", "user:p://x@a": "***@a", "x@y@a?q=1": "***@a?***",
		"a?token=s": "a?***", "?s": "?***", "#s": "#***", "@a": "***@a", "http://https://u@a": "http://https://***@a",
	} {
		if got := printable(in); got != want {
			t.Errorf("%q: printed as %q, want %q", in, got, want)
		}
	}
	for _, bad := range []string{"a:0", "a:65536", "a:x", "a:", "http://", "http:///x", "u@a:1", "[::1:80", "a\tb:1", "x://a:1"} {
		if a, err := parseAddress(bad, ""); err == nil {
			t.Errorf("%q is taken for %v", bad, a)
		}
	}
	for in, host := range map[string]string{"a:1": "a:1", "a:65535": "a:65535", "unix:///s": "localhost"} {
		if a, err := parseAddress(in, ""); err != nil || a.host() != host {
			t.Errorf("%q: host %q, %v", in, a.host(), err)
		}
	}
}

func TestAddressesAsConsulsToolsWriteThem(t *testing.T) {
	for _, c := range []struct{ in, scheme, dial, out string }{
		{"127.0.0.1:8500", "", "127.0.0.1:8500", "http://127.0.0.1:8500"},
		{"127.0.0.1:8501", "https", "127.0.0.1:8501", "https://127.0.0.1:8501"},
		{"http://consul.example:8500", "", "consul.example:8500", "http://consul.example:8500"},
		{"http://consul.example:8500", "https", "consul.example:8500", "https://consul.example:8500"},
		{"https://consul.example", "http", "consul.example:443", "https://consul.example:443"},
		{"http://consul.example/behind/a/proxy/", "", "consul.example:80", "http://consul.example:80/behind/a/proxy"},
		{"http://[::1]:8500", "", "[::1]:8500", "http://[::1]:8500"},
		{"http://[::1]", "", "[::1]:80", "http://[::1]:80"},
		{"unix:///run/consul.sock", "https", "/run/consul.sock", "unix:///run/consul.sock"},
	} {
		a, err := parseAddress(c.in, c.scheme)
		if err != nil || a.dial != c.dial || a.String() != c.out {
			t.Errorf("%s with scheme %q: dials %s, reads %s, %v", c.in, c.scheme, a.dial, a, err)
		}
	}
}
