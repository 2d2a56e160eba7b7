package cli

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"legate/metrics"
)

func (p *program) version() *command {
	return &command{
		name:  "version",
		usage: "print the version, the revision of the source and the Go version",
		run: func(context.Context) error {
			b := readBuild()
			fmt.Fprintf(p.out, "legate %s\n", b.Version)
			if b.Revision != "" {
				fmt.Fprintf(p.out, "revision %s\n", b.Revision)
			}
			fmt.Fprintf(p.out, "%s %s/%s\n", b.GoVersion, runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}

// readBuild returns what the Go toolchain wrote into the binary.
func readBuild() metrics.BuildInfo {
	b := metrics.BuildInfo{Version: "(devel)", GoVersion: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			b.Revision = s.Value + b.Revision
		case s.Key == "vcs.modified" && s.Value == "true":
			b.Revision += " with changes"
		}
	}
	return b
}
