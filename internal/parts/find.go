package parts

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
)

// Program identifies one of the programs: see ConsulProgram, EnvoyProgram and PrometheusProgram.
type Program struct {
	// Name is the name of the file.
	Name string
	// Version is the version that tools/ pins.
	Version string
	// Wanted says in words which versions fit.
	Wanted string
	// Override is the environment variable that may name a program of any other version: see internal/support.
	Override string

	versionArg string
	says       *regexp.Regexp
	fits       func(version) bool
}

// ConsulProgram returns a Consul 1.22.
func ConsulProgram() Program {
	return Program{
		Name: "consul", Version: ConsulVersion, Wanted: "a Consul 1.22", Override: "LEGATE_TEST_CONSUL",
		versionArg: "version", says: consulSays, fits: consulFits,
	}
}

// EnvoyProgram returns an Envoy 1.40 or later.
func EnvoyProgram() Program {
	return Program{
		Name: "envoy", Version: EnvoyVersion, Wanted: "an Envoy 1.40 or later", Override: "LEGATE_TEST_ENVOY",
		versionArg: "--version", says: envoySays, fits: envoyFits,
	}
}

// PrometheusProgram returns a Prometheus 2.42 or later.
func PrometheusProgram() Program {
	return Program{
		Name: "prometheus", Version: PrometheusVersion, Wanted: "a Prometheus 2.42 or later",
		versionArg: "--version", says: prometheusSays, fits: prometheusFits,
	}
}

// Find returns the path of the program: the one on PATH if its version fits, else the one in the
// cache folder. If there is none, the error says what to do. progress, which may be nil, is told
// why the one on PATH does not fit.
func (p Program) Find(ctx context.Context, progress io.Writer) (string, error) {
	if path, ok := p.OnPath(ctx, progress); ok {
		return path, nil
	}
	path, ok, err := p.Cached(ctx)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", fmt.Errorf("no %s on PATH, and none at %s: put %s on PATH, or run \"make parts\" in a checkout of Legate", p.Name, path, p.Wanted)
	}
	return path, nil
}

// OnPath returns the program that the environment names, else the one on PATH, if it fits.
func (p Program) OnPath(ctx context.Context, progress io.Writer) (path string, ok bool) {
	if progress == nil {
		progress = io.Discard
	}
	if path := os.Getenv(p.Override); p.Override != "" && path != "" {
		_, err := p.probe(ctx, path)
		if err != nil {
			fmt.Fprintf(progress, "not using %s of %s: %v\n", path, p.Override, err)
		}
		return path, err == nil
	}
	path, err := exec.LookPath(p.Name)
	if err != nil {
		return "", false
	}
	v, err := p.probe(ctx, path)
	if err == nil && !p.fits(v) {
		err = fmt.Errorf("version %v does not fit, %s is wanted", v, p.Version)
	}
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		fmt.Fprintf(progress, "not using %s: %v\n", path, err)
		return "", false
	}
	return path, true
}

// Cached returns the path in the cache folder, and whether the program is there and reports the
// pinned version.
func (p Program) Cached(ctx context.Context) (path string, ok bool, err error) {
	cache, err := cacheFolder()
	if err != nil {
		return "", false, err
	}
	path = filepath.Join(cache, "bin", fmt.Sprintf("%s-%s-%s-%s", p.Name, p.Version, runtime.GOOS, runtime.GOARCH))
	return path, p.Check(ctx, path) == nil, nil
}

// Says runs the program at this path, and returns the version that it reports, such as 1.39.3.
func (p Program) Says(ctx context.Context, path string) (string, error) {
	v, err := p.probe(ctx, path)
	return v.String(), err
}

// Check runs the program at this path, and fails unless it reports the pinned version.
func (p Program) Check(ctx context.Context, path string) error {
	v, err := p.probe(ctx, path)
	if err == nil && v.String() != p.Version {
		err = fmt.Errorf("it says version %v, not %s", v, p.Version)
	}
	return err
}

// cacheFolder returns $XDG_CACHE_HOME/legate, ~/.cache/legate or the like.
func cacheFolder() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache folder: %w (set HOME or XDG_CACHE_HOME)", err)
	}
	return filepath.Join(dir, "legate"), nil
}
