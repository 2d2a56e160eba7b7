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

// program says how to know one of the programs, and how to make it when it is not there.
type program struct {
	name       string
	version    string
	versionArg string
	says       *regexp.Regexp
	fits       func(version) bool
	make       func(ctx context.Context, to string, progress io.Writer) error
}

// FindConsul returns the path of a Consul 1.22: the one on PATH, else the one in the cache
// folder, else one that is built now, which takes minutes and writes lines to progress.
func FindConsul(ctx context.Context, progress io.Writer) (string, error) {
	return program{
		name: "consul", version: ConsulVersion, versionArg: "version",
		says: consulSays, fits: consulFits, make: buildConsul,
	}.find(ctx, progress)
}

// FindEnvoy returns the path of an Envoy 1.40 or later: the one on PATH, else the one in the
// cache folder, else one that is downloaded now, which writes lines to progress.
func FindEnvoy(ctx context.Context, progress io.Writer) (string, error) {
	return program{
		name: "envoy", version: EnvoyVersion, versionArg: "--version",
		says: envoySays, fits: envoyFits, make: fetchEnvoy,
	}.find(ctx, progress)
}

func (p program) find(ctx context.Context, progress io.Writer) (string, error) {
	if progress == nil {
		progress = io.Discard
	}
	if path, err := exec.LookPath(p.name); err == nil {
		v, err := p.probe(ctx, path)
		switch {
		case err != nil:
			fmt.Fprintf(progress, "not using %s: %v\n", path, err)
		case !p.fits(v):
			fmt.Fprintf(progress, "not using %s: version %v does not fit, %s is wanted\n", path, v, p.version)
		default:
			return filepath.Abs(path)
		}
	}
	cache, err := cacheFolder()
	if err != nil {
		return "", err
	}
	path := filepath.Join(cache, "bin", fmt.Sprintf("%s-%s-%s-%s", p.name, p.version, runtime.GOOS, runtime.GOARCH))
	if p.cached(ctx, path) {
		return path, nil
	}
	unlock, err := lock(ctx, path+".lock", func() {
		fmt.Fprintf(progress, "waiting for another process that makes %s %s\n", p.name, p.version)
	})
	if err != nil {
		return "", err
	}
	defer unlock()
	if p.cached(ctx, path) { // made while this process waited
		return path, nil
	}
	if err := p.install(ctx, path, progress); err != nil {
		return "", fmt.Errorf("make %s %s: %w", p.name, p.version, err)
	}
	return path, nil
}

func (p program) cached(ctx context.Context, path string) bool {
	v, err := p.probe(ctx, path)
	return err == nil && v.String() == p.version
}

// cacheFolder is $XDG_CACHE_HOME/legate, ~/.cache/legate or the like.
func cacheFolder() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache folder: %w (set HOME or XDG_CACHE_HOME)", err)
	}
	return filepath.Join(dir, "legate"), nil
}
