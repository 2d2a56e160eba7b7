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

// goProgram is a program that is built from a module of its own under tools, exactly as the module's
// go.sum says.
type goProgram struct {
	title, version string
	folder         string   // of the module, under tools
	pkg            string   // of the program
	flags          []string // of go build
	takes          string   // how long it takes, in words
	remedy         string   // what helps where it cannot be built
}

func consulSource() goProgram {
	return goProgram{
		title: "Consul", version: parts.ConsulVersion, folder: "consul", pkg: "github.com/hashicorp/consul",
		flags: []string{"-ldflags", "-s -w"},
		takes: "5 to 7 minutes on 2 cores", remedy: "put a consul 1.22 on PATH",
	}
}

// olderConsulSource is a version of those in tools/consul/older.
func olderConsulSource(version string) goProgram {
	p := consulSource()
	p.version, p.folder = version, filepath.Join(p.folder, "older", version)
	p.remedy = "name the path of a consul " + version
	return p
}

// prometheusSource leaves out the ways to discover targets in clouds, which are a third of the code.
func prometheusSource() goProgram {
	return goProgram{
		title: "Prometheus", version: parts.PrometheusVersion, folder: "prometheus", pkg: "github.com/prometheus/prometheus/cmd/prometheus",
		flags: []string{"-tags", "remove_all_sd", "-ldflags", "-s -w -X github.com/prometheus/common/version.Version=" + parts.PrometheusVersion},
		takes: "about 4 minutes on 2 cores", remedy: "put a prometheus 2.42 or later on PATH",
	}
}

// build builds the program. Its modules are downloaded first, if they are not there.
func (p goProgram) build(ctx context.Context, to string, progress io.Writer) error {
	goTool, err := exec.LookPath("go")
	if err != nil {
		return fmt.Errorf("no go command on PATH to build it with: install Go, or %s", p.remedy)
	}
	module, err := p.module()
	if err != nil {
		return fmt.Errorf("%w: run inside a checkout of Legate, or %s", err, p.remedy)
	}
	fmt.Fprintf(progress, "building %s %s from source, once: %s\n", p.title, p.version, p.takes)

	var downloads, packages atomic.Int64
	said := &lines{each: func(line []byte) {
		if bytes.HasPrefix(line, []byte("go: downloading ")) {
			downloads.Add(1)
		} else if !bytes.HasPrefix(line, []byte("go: ")) {
			packages.Add(1)
		}
	}}
	args := append([]string{"build", "-v", "-mod=readonly"}, p.flags...)
	cmd := exec.CommandContext(ctx, goTool, append(args, "-o", to, p.pkg)...)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "GOWORK=off")
	cmd.Stdout, cmd.Stderr = said, said
	err = runTelling(ctx, cmd, func(elapsed time.Duration) {
		fmt.Fprintf(progress, "  building %s, %v: %d modules downloaded, %d packages compiled\n",
			p.title, elapsed, downloads.Load(), packages.Load())
	})
	if err != nil {
		return fmt.Errorf("go build in %q: %w\n%s", module, err, said.tail())
	}
	fmt.Fprintf(progress, "  built %s\n", p.title)
	return nil
}

// module finds the program's module in the checkout of the working directory, or else in the one of
// this source file.
func (p goProgram) module() (string, error) {
	var starts []string
	if dir, err := os.Getwd(); err == nil {
		starts = append(starts, dir)
	}
	if exe, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(exe))
	}
	for _, dir := range starts {
		for {
			module := filepath.Join(dir, "tools", p.folder)
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
