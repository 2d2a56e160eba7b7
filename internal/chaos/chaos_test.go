package chaos_test

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"legate/internal/legatetest"
)

var (
	whole   = flag.Bool("chaos", false, "inject every fault, not only the short selection")
	hours   = flag.Float64("soak", 0, "run TestSoak for so many hours")
	results = flag.String("results", "", "folder for the results as Markdown")
)

// program is Legate, built like a release.
var program = legatetest.NewProgram("-trimpath")

func TestMain(m *testing.M) {
	asClock(os.Args[1:])
	os.Exit(program.Run(m))
}

// Whatever happens to Consul, the network, Legate or its clients: traffic continues, nothing is
// lost, and afterwards changes arrive as before.
func TestFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("it needs real programs")
	}
	var table table
	began := time.Now()
	for _, g := range groups() {
		faults := g.selected()
		if len(faults) == 0 {
			continue
		}
		t.Run(g.name, func(t *testing.T) {
			s := g.build(t)
			for _, f := range faults {
				t.Run(f.name, func(t *testing.T) {
					o := outcome{group: g.name, name: f.name, how: f.how}
					defer func() {
						table = append(table, o)
						table.keep(t, began)
					}()
					s.inject(t, f, &o)
				})
			}
		})
	}
	fmt.Println(table.markdown(time.Since(began)))
}

func (g group) selected() (faults []fault) {
	for _, f := range g.faults {
		if *whole || f.short {
			faults = append(faults, f)
		}
	}
	return faults
}
