package cli

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"legate/internal/admin"
	"legate/internal/quote"
	"legate/translate"
	"legate/xdsserver"
)

// row is a line of a table, with what is to be said of it. What is called STATE has the colour.
type row struct {
	cells  []string
	colour string
	more   []string
}

const stateColumn = "STATE"

func (s *sheet) table(b *strings.Builder, r statusReport, all bool) {
	rows, finished, trouble := []row{}, 0, map[admin.State]bool{}
	shared := sharedIDs(r.Nodes)
	for _, n := range r.Nodes {
		shown := false
		for _, t := range n.Types {
			if all || !t.IsSynced() {
				rows = append(rows, rowOf(r.Now, n, t, shared[n.ID]))
				shown = true
			}
			if !t.IsSynced() {
				trouble[t.State] = true
			}
		}
		switch {
		case len(n.Types) == 0 && all:
			rows = append(rows, row{cells: []string{nameOf(n, shared[n.ID]), "-", "-", spanOf(r.Now.Sub(n.Since)), "-"}, more: []string{"is connected, and has asked for nothing yet"}})
		case !shown:
			finished++
		}
	}
	for _, p := range r.Pollers {
		for _, t := range p.Types {
			if all {
				rows = append(rows, row{cells: []string{quote.Name(cmp.Or(p.Node, "(no id)")), quote.Name(cmp.Or(xdsserver.Word(t.Type), t.Type)), string(t.State), spanOf(r.Now.Sub(t.Since)), "-"},
					more: []string{fmt.Sprintf("over REST from %s; asked last %s ago", quote.Name(p.Address), spanOf(r.Now.Sub(p.Last)))}})
			}
		}
	}
	if len(rows) > 0 {
		b.WriteString("\n")
		s.write(b, append([]row{{cells: []string{"NODE", "TYPE", stateColumn, "FOR", "BEHIND"}}}, rows...))
	}
	if finished > 0 {
		fmt.Fprintf(b, "\n%s without trouble: --all lists them\n", plural(finished, "node"))
	}
	for _, id := range usedTwice(r.Nodes) {
		b.WriteString("\n" + s.indented(0, "Several clients have the id "+quote.Name(id)+". Give each Envoy one of its own (legate bootstrap envoy --node-id), so that it can be told which of them is in trouble.") + "\n")
	}
	for _, state := range []admin.State{xdsserver.Nacked, xdsserver.Stale, xdsserver.NotSent} {
		if trouble[state] {
			b.WriteString("\n" + s.indented(0, string(state)+": "+adviceOn(state)) + "\n")
		}
	}
}

// adviceOn says what to do about clients in a state.
func adviceOn(state admin.State) string {
	switch state {
	case xdsserver.Nacked:
		return `the client keeps what it had. Change the service in Consul, or its policy ("legate policy explain SERVICE" says who set what), so that it can use it.`
	case xdsserver.Stale:
		return "look whether that Envoy runs, has CPU, and reaches Legate: it was sent this, and has not answered. Others are not held up. It gets all at once when it answers; a connection that is dead ends within a minute."
	default:
		return "Legate has nothing for it yet: see above whether it is ready."
	}
}

// write writes rows, the first of which has the names of the columns, with their columns below each other. On a terminal
// what is in the first column is cut so that they fit.
func (s *sheet) write(b *strings.Builder, rows []row) {
	widths := make([]int, len(rows[0].cells))
	for _, r := range rows {
		for i, c := range r.cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	if s.width > 0 {
		others := 0
		for _, w := range widths[1:] {
			others += w + 2
		}
		widths[0] = min(widths[0], max(s.width-others, 16))
		for i := range rows {
			rows[i].cells[0] = cutTo(rows[i].cells[0], widths[0])
		}
	}
	state := slices.Index(rows[0].cells, stateColumn)
	for _, r := range rows {
		for i, c := range r.cells {
			padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c)+2)
			if i == len(r.cells)-1 {
				padding = ""
			}
			if i == state {
				c = s.paint(r.colour, c)
			}
			b.WriteString(c + padding)
		}
		b.WriteString("\n")
		for _, m := range r.more {
			b.WriteString(s.indented(4, m) + "\n")
		}
	}
}

func cutTo(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most-1]) + "…"
}

// sharedIDs are the ids that several nodes have.
func sharedIDs(nodes []admin.Node) map[string]bool {
	shared, seen := map[string]bool{}, map[string]bool{}
	for _, n := range nodes {
		shared[n.ID], seen[n.ID] = seen[n.ID], true
	}
	return shared
}

// usedTwice are the ids, sorted, that more than one Envoy has: each of them asks for clusters on one stream.
func usedTwice(nodes []admin.Node) (ids []string) {
	streams := map[string]int{}
	for _, n := range nodes {
		for _, t := range n.Types {
			if t.Type == translate.ClusterType && n.ID != "" {
				streams[n.ID]++
			}
		}
	}
	for id, n := range streams {
		if n > 1 {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids[:min(len(ids), maxConcerns)]
}

// nameOf names a node; one whose id others have, too, with what tells it apart.
func nameOf(n admin.Node, shared bool) string {
	name := quote.Name(cmp.Or(n.ID, "(no id)"))
	if shared || n.ID == "" {
		name += " " + quote.Name(cmp.Or(n.Identity, n.Address))
	}
	return name
}

func rowOf(now time.Time, n admin.Node, t admin.NodeType, shared bool) row {
	since := t.Since
	if !t.Waiting.IsZero() && t.State == xdsserver.Stale {
		since = t.Waiting
	}
	r := row{cells: []string{nameOf(n, shared), quote.Name(t.Word), string(t.State), spanOf(now.Sub(since)), strconv.Itoa(t.Behind)}, more: detailsOf(now, t)}
	switch {
	case t.IsSynced():
		r.colour = green
	case t.State == xdsserver.Nacked:
		r.colour = red
	default:
		r.colour = yellow
	}
	if !t.IsSynced() {
		at := quote.Name(n.Address)
		if n.Identity != "" {
			at = quote.Name(n.Identity) + " at " + at
		}
		r.more = append(r.more, fmt.Sprintf("from %s, stream %s; %s", at, quote.Name(t.Stream), acknowledged(now, t)))
	}
	return r
}

// detailsOf says what there is to know of a type on a stream.
func detailsOf(now time.Time, t admin.NodeType) (all []string) {
	switch t.State {
	case xdsserver.Nacked:
		for _, name := range slices.Sorted(maps.Keys(t.Rejected)) {
			all = append(all, fmt.Sprintf("rejects %s: %s", quote.Name(name), quote.Text(t.Rejected[name], quote.TextBytes)))
		}
		if more := t.RejectedCount - len(t.Rejected); more > 0 && len(t.Rejected) > 0 {
			all = append(all, fmt.Sprintf("and rejects %d more", more))
		}
		if len(t.Rejected) == 0 {
			all = append(all, "rejects something: "+quote.Text(t.Rejection, quote.TextBytes))
		}
		if t.Remedy != "" {
			all = append(all, quote.Text(t.Remedy, quote.TextBytes))
		}
	case xdsserver.NotSent:
		if t.Wants > 0 {
			all = append(all, "asks for "+plural(t.Wants, "resource"))
		} else {
			all = append(all, "asks for nothing")
		}
	}
	if t.Unsent > 0 && t.State != xdsserver.NotSent {
		all = append(all, fmt.Sprintf("%d of %d versions are not sent yet: it has to answer first", t.Unsent, t.Behind))
	}
	if t.InVainCount > 0 {
		var names []string
		for _, m := range t.InVain {
			names = append(names, quote.Name(m.Name))
		}
		if more := t.InVainCount - len(names); more > 0 {
			names = append(names, fmt.Sprintf("and %d more", more))
		}
		all = append(all, "asks for what Consul does not have: "+strings.Join(names, ", "))
	}
	return all
}

// acknowledged says when the client last acknowledged something.
func acknowledged(now time.Time, t admin.NodeType) string {
	switch {
	case !t.LastAck.IsZero():
		return "last acknowledgement " + spanOf(now.Sub(t.LastAck)) + " ago"
	case !t.Resumed.IsZero():
		return "it had everything when it came, " + spanOf(now.Sub(t.Resumed)) + " ago"
	}
	return "it has acknowledged nothing yet"
}

// spanOf is a duration in words, also a short one.
func spanOf(d time.Duration) string {
	if d >= 0 && d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return admin.Span(d)
}
