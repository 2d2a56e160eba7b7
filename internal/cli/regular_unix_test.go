//go:build unix

package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// pipe makes a pipe without a writer: a read from it never ends.
func pipe(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWhatIsNoRegularFileIsRefusedAtOnce(t *testing.T) {
	large := filepath.Join(t.TempDir(), "large.yaml")
	if err := errors.Join(os.WriteFile(large, nil, 0o600), os.Truncate(large, 1<<33)); err != nil {
		t.Fatal(err)
	}
	one := file(t, "one", "x")
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"a pipe as the configuration":        {[]string{"serve", "--config", pipe(t)}, "it is a pipe, and a regular file is needed"},
		"a device as the configuration":      {[]string{"serve", "--config", "/dev/zero"}, "it is a device, and a regular file is needed"},
		"a folder as the configuration":      {[]string{"serve", "--config", t.TempDir()}, "it is a folder, and a regular file is needed"},
		"gigabytes as the configuration":     {[]string{"serve", "--config", large}, "it has more than 1048576 bytes"},
		"a pipe as the token file":           {[]string{"serve", "--consul-token-file", pipe(t)}, "it is a pipe"},
		"a device as the token file":         {[]string{"render", "--consul-token-file", "/dev/zero"}, "it is a device"},
		"a pipe as the admin token file":     {[]string{"serve", "--admin-token-file", pipe(t)}, "it is a pipe"},
		"a pipe as the client's token file":  {[]string{"holds", "list", "--admin-token-file", pipe(t)}, "it is a pipe"},
		"a device as the key":                {[]string{"serve", "--tls-cert", one, "--tls-key", "/dev/zero"}, "it is a device"},
		"gigabytes as the key":               {[]string{"serve", "--xds-listen", "127.0.0.1:0", "--tls-cert", one, "--tls-key", large}, "it has more than"},
		"a pipe as the authorities":          {[]string{"serve", "--consul-ca-file", pipe(t)}, "it is a pipe"},
		"a device as the catalog to render":  {[]string{"render", "--catalog", "/dev/zero"}, "it is a device"},
		"a pipe as the catalog to render":    {[]string{"render", "--catalog", pipe(t)}, "it is a pipe"},
		"a pipe as the admin's authorities":  {[]string{"holds", "list", "--admin-ca-file", pipe(t)}, "it is a pipe"},
		"gigabytes as the admin authorities": {[]string{"holds", "list", "--admin-ca-file", large}, "it has more than"},
	} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan result, 1)
			go func() { ended <- legate(t, nil, c.args...) }()
			select {
			case r := <-ended:
				if r.code == exitOK || !strings.Contains(r.err, c.want) {
					t.Errorf("exit %d, want %q in:\n%s", r.code, c.want, r.err)
				}
			case <-time.After(10 * time.Second):
				t.Error("it does not end")
			}
		})
	}
}

// A file that turns into a pipe or disappears changes nothing in the running configuration.
func TestAConfigurationThatTurnsIntoAPipeHoldsNothingUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "legate.yaml")
	write(t, path, "log: {format: json}\n")
	r := serve(t, "--consul-addr", closedPort(t), "--config", path)
	if err := os.Rename(pipe(t), path); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * pollEvery) // the file is checked
	hangUp(t)
	if said := r.log.await(t, "configuration is not reloaded"); !strings.Contains(said["error"].(string), "it is a pipe") {
		t.Errorf("%v", said)
	}
	began := time.Now()
	if code := r.end(); code != exitOK || time.Since(began) > shutdownTimeout {
		t.Errorf("exit code %d after %v", code, time.Since(began))
	}
}
