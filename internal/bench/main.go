package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		err = serve(ctx, os.Args[2:])
	} else {
		err = measure(ctx, os.Args[1:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// quick takes two minutes, full twenty.
var (
	quick = scale{streams: 200, services: 500, many: 2000, rounds: 3, changes: 3, storm: 3 * time.Second, timeout: 20 * time.Second}
	full  = scale{streams: 1000, services: 1000, many: 10000, rounds: 5, changes: 5, storm: 30 * time.Second, timeout: time.Minute}
)

// report is the file with the results.
type report struct {
	When          time.Time
	Go            string
	CPUs          int
	Scale         string
	PerConnection int
	Results       []result
}

func measure(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	b := &bench{progress: os.Stderr}
	size := flags.String("scale", "quick", "how much is measured: quick (2 minutes) or full (20 minutes)")
	only := flags.String("only", "", "the cases to run, by name, with commas between; a name takes all that begin so")
	contenders := flags.String("contenders", "", "the contenders to run, with commas between; all if empty")
	out := flags.String("out", "bench/results", "the folder for results as JSON; none are written if it is empty")
	readable := flags.Bool("markdown", false, "print the results of the last run as a table for readers, and run nothing")
	list := flags.Bool("list", false, "list the cases and run none")
	flags.IntVar(&b.perConnection, "per-connection", 1, "streams on one connection; Envoy has one")
	flags.StringVar(&b.profiles, "profiles", "", "the folder for profiles of Legate's process")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *readable {
		r, err := latest(*out)
		if err == nil {
			r.markdown(os.Stdout)
		}
		return err
	}
	switch *size {
	case "quick":
		b.scale = quick
	case "full":
		b.scale = full
	default:
		return fmt.Errorf("scale %q: want quick or full", *size)
	}
	if *contenders != "" {
		b.contenders = strings.Split(*contenders, ",")
	}
	all := cases(b.scale)
	if *only != "" {
		wanted := strings.Split(*only, ",")
		all = slices.DeleteFunc(all, func(c benchCase) bool {
			return !slices.ContainsFunc(wanted, func(w string) bool { return strings.HasPrefix(c.name(), w) })
		})
	}
	if len(all) == 0 {
		return fmt.Errorf("cases %q: there are none of that name; -list lists them", *only)
	}
	if b.profiles != "" {
		if err := os.MkdirAll(b.profiles, 0o755); err != nil {
			return err
		}
	}
	rep := report{When: time.Now().UTC(), Go: runtime.Version(), CPUs: runtime.NumCPU(), Scale: *size, PerConnection: b.perConnection}
	for _, c := range all {
		if *list {
			fmt.Println(c.name())
			continue
		}
		fmt.Fprintln(os.Stderr, c.name())
		r, err := c.run(ctx, b)
		if err != nil {
			return fmt.Errorf("case %q: %w", c.name(), err)
		}
		r.print(os.Stdout)
		rep.Results = append(rep.Results, r)
	}
	if *list || *out == "" {
		return nil
	}
	return rep.write(*out)
}

// latestFile has the results of the last run.
const latestFile = "latest.json"

// write saves the results under the time of their run, and as the latest ones.
func (r report) write(folder string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	dated := filepath.Join(folder, r.When.Format("20060102-150405")+".json")
	fmt.Fprintln(os.Stderr, "results:", dated)
	return errors.Join(os.WriteFile(dated, text, 0o644), os.WriteFile(filepath.Join(folder, latestFile), text, 0o644))
}
