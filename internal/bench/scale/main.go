// Scale measures how Legate watches a real Consul: how soon a change is sent, and what it costs
// Consul and Legate. Consul and Legate are processes of their own; this one writes to Consul and
// plays the only Envoy: an incremental ADS stream that subscribes to everything.
//
//	go run ./internal/bench/scale            # all cases, about 12 minutes
//	go run ./internal/bench/scale -case C4   # one
//
// Times are from just before the write is sent to Consul until the response with the change has
// been read. A cold start is compared with its floor: the same answers, read by a client that throws them away.
// CPU is user and system time of the processes (proc(5)), compared with what the same
// Consul uses for the same writes while nobody watches.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"legate/internal/parts/pinned"
)

func main() {
	var o options
	cases := flag.String("case", "all", "C1 to C8, D1, D2 and F, separated by commas; all: each of them")
	flag.StringVar(&o.legate, "legate", "", "Legate's program; empty: it is built")
	flag.IntVar(&o.services, "services", 1000, "services, with four instances each")
	flag.IntVar(&o.many, "many", 10_000, "services of C2 and D1, with eight instances each")
	flag.IntVar(&o.conns, "floor-connections", 1, "connections over which the floor of C2 and D1 is read")
	flag.IntVar(&o.reads, "floor-reads", 16, "reads at once of each datacenter there, as in Legate")
	flag.DurationVar(&o.span, "span", 30*time.Second, "how long each load lasts")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, *cases); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		stop()
		os.Exit(1)
	}
}

// options apply to all cases.
type options struct {
	legate   string
	services int
	many     int
	conns    int
	reads    int
	span     time.Duration
	folder   string
}

// instances is the number of instances of each service.
const instances = 4

func run(ctx context.Context, o options, which string) error {
	folder, err := os.MkdirTemp("", "legate-scale-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	o.folder = folder
	if o.legate == "" {
		o.legate = filepath.Join(folder, "legate")
		if err := pinned.BuildLegate(ctx, o.legate, "-trimpath"); err != nil {
			return err
		}
	}
	wanted := func(name string) bool {
		return which == "all" || strings.Contains(","+which+",", ","+name+",")
	}
	for _, c := range cases {
		if !wanted(c.name) {
			continue
		}
		fmt.Printf("\n%s  %s\n", c.name, c.what)
		began := time.Now()
		s := &stage{options: o}
		err := c.run(ctx, s)
		s.close()
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		fmt.Printf("    (%.0f s)\n", time.Since(began).Seconds())
	}
	return nil
}
