package pinned

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"

	"legate/internal/parts"
)

// buildConsul builds Consul from the module tools/consul, exactly as its go.sum says.
func buildConsul(ctx context.Context, to string, progress io.Writer) error {
	const remedy = "put a consul 1.22 on PATH"
	goTool, err := exec.LookPath("go")
	if err != nil {
		return fmt.Errorf("no go command on PATH to build it with: install Go, or %s", remedy)
	}
	module, err := consulModule()
	if err != nil {
		return fmt.Errorf("%w: run inside a checkout of Legate, or %s", err, remedy)
	}
	fmt.Fprintf(progress, "building Consul %s from source, once: 5 to 7 minutes on 2 cores\n", parts.ConsulVersion)

	var downloads, packages atomic.Int64
	said := &lines{each: func(line []byte) {
		if bytes.HasPrefix(line, []byte("go: downloading ")) {
			downloads.Add(1)
		} else if !bytes.HasPrefix(line, []byte("go: ")) {
			packages.Add(1)
		}
	}}
	cmd := exec.CommandContext(ctx, goTool, "build", "-v", "-mod=readonly", "-ldflags", "-s -w", "-o", to, "github.com/hashicorp/consul")
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "GOWORK=off")
	cmd.Stdout, cmd.Stderr = said, said
	err = runTelling(ctx, cmd, func(elapsed time.Duration) {
		fmt.Fprintf(progress, "  building Consul, %v: %d modules downloaded, %d packages compiled\n",
			elapsed, downloads.Load(), packages.Load())
	})
	if err != nil {
		return fmt.Errorf("go build in %q: %w\n%s", module, err, said.tail())
	}
	fmt.Fprintln(progress, "  built Consul")
	return nil
}

// consulModule finds tools/consul in the checkout of the working directory, or else in the one of
// this source file.
func consulModule() (string, error) {
	var starts []string
	if dir, err := os.Getwd(); err == nil {
		starts = append(starts, dir)
	}
	if exe, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(exe))
	}
	for _, dir := range starts {
		for {
			module := filepath.Join(dir, "tools", "consul")
			if isLegate(dir) && exists(filepath.Join(module, "go.mod")) {
				return module, nil
			}
			up := filepath.Dir(dir)
			if up == dir {
				break
			}
			dir = up
		}
	}
	return "", errors.New("no checkout of Legate found around the working directory")
}

func isLegate(dir string) bool {
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	return err == nil && bytes.HasPrefix(mod, []byte("module legate\n"))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
