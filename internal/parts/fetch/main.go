// Fetch installs the pinned programs on this machine, once, and prints where they are: those that it is
// given by name, or all.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"legate/internal/parts/pinned"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	for _, part := range []struct {
		name string
		get  func(context.Context, io.Writer) (string, error)
	}{
		{"Consul", pinned.Consul},
		{"Envoy", pinned.Envoy},
		{"Prometheus", pinned.Prometheus},
	} {
		if len(os.Args) > 1 && !slices.Contains(os.Args[1:], part.name) {
			continue
		}
		path, err := part.get(ctx, os.Stderr)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", part.name, err)
			os.Exit(1)
		}
		fmt.Printf("%s: %s\n", part.name, path)
	}
}
