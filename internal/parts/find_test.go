//go:build unix

package parts

import (
	"strings"
	"testing"
)

func TestWhatProgramsSayIsUnderstood(t *testing.T) {
	consul := "Consul v1.22.7\nBuild Date 1970-01-01T00:00:01Z\nProtocol 2 spoken by default\n"
	if v, err := parseVersion(consulSays, consul); err != nil || v.String() != "1.22.7" {
		t.Errorf("consul: %v, %v", v, err)
	}
	envoy := "\nenvoy  version: 9e5580933739775e8bce696a57a2e1bc99368f23/1.40.0/Clean/RELEASE/BoringSSL\n\n"
	if v, err := parseVersion(envoySays, envoy); err != nil || v.String() != "1.40.0" {
		t.Errorf("envoy: %v, %v", v, err)
	}
	prometheus := "prometheus, version 2.42.0+ds (branch: debian/sid, revision: 2.42.0+ds-5+deb12u1)\n  go version:       go1.19.8\n"
	if v, err := parseVersion(prometheusSays, prometheus); err != nil || v.String() != "2.42.0+ds" || !prometheusFits(v) {
		t.Errorf("prometheus: %v, %v", v, err)
	}
	if v, err := parseVersion(prometheusSays, "prometheus, version 2.41.9 (branch: HEAD)"); err != nil || prometheusFits(v) {
		t.Errorf("prometheus: %v, %v", v, err)
	}
	if v, err := parseVersion(envoySays, "command not found"); err == nil {
		t.Errorf("nonsense is version %v", v)
	}
}

// Legate's own program does not install the others, so its error must say how to get them.
func TestWhatIsNotThereIsAnErrorWithItsRemedy(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	t.Setenv("PATH", t.TempDir())
	for _, p := range []Program{ConsulProgram(), EnvoyProgram(), PrometheusProgram()} {
		path, err := p.Find(t.Context(), nil)
		if err == nil {
			t.Fatalf("%s was found at %q", p.Name, path)
		}
		for _, said := range []string{"no " + p.Name + " on PATH", "put " + p.Wanted + " on PATH", `"make parts"`} {
			if !strings.Contains(err.Error(), said) {
				t.Errorf("%q does not say %q", err, said)
			}
		}
	}
}
