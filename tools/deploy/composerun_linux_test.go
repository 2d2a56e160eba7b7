package deploy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
)

// What compose.yaml says, as it is written: each service's command, with its environment and files, once those that it
// depends on are well by their health checks; Legate as user 65532 in a read-only root that holds only what its image
// has. The programs are the real ones of this machine.
func TestComposeRunsAsItIsWritten(t *testing.T) {
	if testing.Short() {
		t.Skip("it needs real programs")
	}
	path := os.Getenv("PATH")
	if os.Getenv(within) == "" {
		path = realPrograms(t) + string(os.PathListSeparator) + path
	}
	p := project(t)
	names := strings.Join(p.ServiceNames(), " ")
	alone(t, []string{"PATH=" + path, legateIs + "=" + legate(t)}, names, func(t *testing.T) {
		containers := map[string]*container{}
		err := p.ForEachService(nil, func(name string, s *types.ServiceConfig) error {
			c := containerOf(t, p, s)
			c.start(t)
			c.healthy(t, checkOf(t, s))
			containers[name] = c
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}

		asked := map[string]bool{}
		eventually(t, func() error {
			said, err := get(t.Context(), "http://127.0.0.1:8080/")
			if asked[said] = true; err == nil && (!asked["web-1\n"] || !asked["web-2\n"]) {
				err = fmt.Errorf("answers so far: %v", asked)
			}
			return err
		})
		containers["web-1"].kill()
		eventually(t, func() error {
			for range 20 {
				if said, err := get(t.Context(), "http://127.0.0.1:8080/"); err != nil || said != "web-2\n" {
					return fmt.Errorf("answered by %q: %w", said, err)
				}
			}
			return nil
		})
		if page, err := get(t.Context(), "http://127.0.0.1:18001/services"); err != nil || !strings.Contains(page, "web") {
			t.Errorf("the page: %v\n%s", err, page)
		}
		if _, err := os.Stat(filepath.Join(containers["legate"].root, "/var/lib/legate/last-known-catalog")); err != nil {
			t.Error(err)
		}
		if err := os.WriteFile(filepath.Join(containers["legate"].root, "/usr/local/bin/new"), nil, 0o644); err == nil {
			t.Error("the root can be written to, so the test proves nothing")
		}
	})
}

// containerOf is a service as its image and compose.yaml describe it.
func containerOf(t *testing.T, p *types.Project, s *types.ServiceConfig) *container {
	t.Helper()
	c := &container{name: s.Name, args: s.Command, env: []string{"PATH=" + os.Getenv("PATH")}}
	var files []string
	for _, one := range s.Configs {
		to := filepath.Join(t.TempDir(), filepath.Base(one.Target))
		if err := os.WriteFile(to, []byte(p.Configs[one.Source].Content), 0o644); err != nil {
			t.Fatal(err)
		}
		files = append(files, filepath.Dir(one.Target), filepath.Dir(to)) // the folder may be what is named
	}
	at := strings.NewReplacer(files...)
	for i := range c.args {
		c.args[i] = at.Replace(c.args[i])
	}
	if s.Build != nil {
		image := imageFor(t, "amd64")
		c.args = append(append([]string{}, image.Config.Entrypoint...), append(image.Config.Cmd, s.Command...)...)
		c.user = userOf(t, image)
		c.root, c.env = imageRoot(t, c.args[0], c.user), image.Config.Env
		if !s.ReadOnly {
			t.Errorf("%s is not read-only", s.Name)
		}
	}
	for name, value := range s.Environment {
		c.env = append(c.env, name+"="+*value)
	}
	return c
}

// checkOf is the command of a service's health check.
func checkOf(t *testing.T, s *types.ServiceConfig) []string {
	t.Helper()
	if kind := s.HealthCheck.Test[0]; kind != "CMD" {
		t.Fatalf("%s: a health check of kind %s", s.Name, kind)
	}
	return s.HealthCheck.Test[1:]
}

// realPrograms makes a folder with the pinned Consul and Envoy under their names.
func realPrograms(t *testing.T) (dir string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "run", "./internal/parts/fetch", "Consul", "Envoy")
	cmd.Dir, cmd.Stderr = top, t.Output()
	said, err := cmd.Output()
	if err != nil {
		t.Fatalf("fetch Consul and Envoy: %v", err)
	}
	dir = t.TempDir()
	for line := range strings.Lines(string(said)) {
		name, path, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if err := os.Symlink(path, filepath.Join(dir, strings.ToLower(name))); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// get returns the body of an answer. An answer other than 200 is an error.
func get(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(resp.Status)
	}
	return string(body), err
}
