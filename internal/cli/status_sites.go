package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"legate/internal/quote"
)

// sites writes a row for each datacenter and peer that is followed, the own one first; none, if that is the only one.
func (s *sheet) sites(b *strings.Builder, r statusReport) {
	if len(r.Sites) == 0 {
		return
	}
	rows := []row{{cells: []string{"DATACENTER/PEER", stateColumn, "SERVICES", "INSTANCES", "HELD", "STALE SINCE"}}}
	for _, of := range r.Sites {
		name, stale, colour := quote.Name(of.Name), "-", green
		if of.Own {
			name += " (own)"
		}
		switch {
		case of.Stale && of.StaleSince.IsZero():
			stale = "nothing is known"
		case of.Stale:
			stale = fmt.Sprintf("%s (%s)", of.StaleSince.UTC().Format(time.RFC3339), spanOf(r.Now.Sub(of.StaleSince)))
		}
		if !of.Connected {
			colour = yellow
		}
		rows = append(rows, row{colour: colour, cells: []string{name, of.State, strconv.Itoa(of.Services), strconv.Itoa(of.Instances), strconv.Itoa(of.Held), stale}})
	}
	b.WriteString("\n")
	s.write(b, rows)
}
