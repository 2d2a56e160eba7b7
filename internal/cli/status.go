package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"legate/internal/admin"
	"legate/internal/glob"
	"legate/internal/quote"
	"legate/internal/register"
	"legate/internal/suggest"
	"legate/xdsserver"
)

// statusOptions are the options of "legate status".
type statusOptions struct {
	admin      adminClient
	node       string // a pattern; empty: all
	all, json  bool
	staleAfter time.Duration
}

// exitNotSynced is the exit code for a client that does not have what it asks for, or a Legate that cannot serve yet.
const exitNotSynced = outcome(3)

func (p *program) status() *command {
	o := &statusOptions{staleAfter: usualDelay}
	const category = "Output"
	c := &command{
		name:  "status",
		usage: "show how far each Envoy of a running Legate is, and what is wrong",
		about: `
It asks a running Legate. First it says in a line each whether Legate is ready, how Consul
answers, what is held, kept on disk and rolled out, and what is to be looked at. If other
datacenters or peers are followed there is a row for each: how Consul answers about it, and
since when what is served of it is only the last known (STALE SINCE). Then there is a row for
each node and type, those with trouble first:

  SYNCED    the client has acknowledged all that it asks for, as Consul has it now
  STALE     it has not, since then and by so many versions: a client that stands still, or
            does not read, gets older and older; one that is busy is soon done
  NOT SENT  it asks for something and was sent nothing yet
  NACKED    it rejects a resource, keeps the one before, and says why

Nodes without trouble are only counted, unless --all is given or NODE names them. NODE is the
id of a node, or a pattern with * and ?. Clients that share an id are told apart by their address.

Exit codes: 0 all are SYNCED, 3 some are not or Legate is not ready, 1 an error, such as that
no Legate answers or no such node is connected, 2 a mistake in the command line.`,
		examples: `
legate status

# one node, or some, with all that is known of them
legate status edge-17
legate status 'edge-*' --admin-addr 10.0.0.5:18001

# in a script: wait until every Envoy has what Consul says now
until legate status >/dev/null; do sleep 1; done

# who has been behind for longest?
legate status --json | jq -r '.nodes[] | select(.waiting) | "\(.waiting) \(.id)"' | sort | head -1`,
		operand: operand{"[NODE]", 0, 1, func(words []string) {
			if len(words) > 0 {
				o.node = words[0]
			}
		}},
		settings: append(o.admin.settings(),
			boolean(&o.all, setting{
				name: "all", env: "LEGATE_STATUS_ALL", category: category,
				usage: "Show nodes without trouble, too.",
			}),
			duration(&o.staleAfter, 0, time.Hour, setting{
				name: "stale-after", env: "LEGATE_STATUS_STALE_AFTER", category: category, hint: "SPAN",
				usage: "A client that has waited for less than this for a change counts as SYNCED: the change is on its way.",
			}),
			boolean(&o.json, setting{
				name: "json", env: "LEGATE_STATUS_JSON", category: category,
				usage: "Print one object, with all nodes.",
			})),
	}
	c.run = func(ctx context.Context) error { return p.runStatus(ctx, o) }
	return c
}

// statusReport is what --json prints.
type statusReport struct {
	Now       time.Time    `json:"now"`
	Ready     bool         `json:"ready"`
	NotReady  string       `json:"not_ready,omitempty"`
	Stale     string       `json:"stale,omitempty"` // what is served instead of Consul's catalog, and why
	Consul    consulReport `json:"consul"`
	Sites     []admin.Site `json:"sites,omitempty"` // datacenters and peers, the own one first; none: it is the only one
	Held      int          `json:"held"`
	LastKnown string       `json:"last_known"`
	// Registration is Legate's own in Consul; none: it need not be registered.
	Registration *register.Status    `json:"registration,omitempty"`
	Rollout      *admin.Rollout      `json:"rollout,omitempty"`
	Concerns     []admin.Concern     `json:"concerns"`
	Synced       bool                `json:"synced"` // all of the nodes
	States       map[admin.State]int `json:"states"` // of their types
	Nodes        []admin.Node        `json:"nodes"`  // the worst first
	Pollers      []xdsserver.Poller  `json:"pollers"`

	started  time.Time
	finished int // how many nodes have all that they ask for
}

type consulReport struct {
	State       string    `json:"state"`
	Address     string    `json:"address"`
	Datacenter  string    `json:"datacenter"`
	Services    int       `json:"services"`
	Listed      int       `json:"listed,omitempty"` // with --follow wanted, of so many services
	LastSuccess time.Time `json:"last_success,omitzero"`
	LastError   string    `json:"last_error,omitempty"` // none while Consul answers
}

func (p *program) runStatus(ctx context.Context, o *statusOptions) error {
	var s admin.Status
	if err := o.admin.call(ctx, "GET", "/api/v1/status", &s); err != nil {
		return err
	}
	report, err := o.report(s)
	if err != nil {
		return err
	}
	if o.json {
		text, err := json.MarshalIndent(report, "", "  ")
		if err != nil {
			return err
		}
		if _, err := p.out.Write(append(quote.JSON(text), '\n')); err != nil {
			return err
		}
	} else if err := p.sheet().show(report, o.all || o.node != ""); err != nil {
		return err
	}
	if !report.Synced {
		return exitNotSynced
	}
	return nil
}

// report picks from a status what the command tells.
func (o *statusOptions) report(s admin.Status) (statusReport, error) {
	r := statusReport{
		Now: s.Now, Ready: s.Ready, NotReady: s.NotReady, Stale: s.Stale, Sites: admin.SitesOf(s.Consul), Held: s.Consul.Held, LastKnown: lastKnownOf(s), Registration: s.Registration, Rollout: s.Rollout,
		Concerns: s.Concerns(), Synced: s.Ready, States: map[admin.State]int{}, started: s.Started,
		Consul: consulReport{State: s.Consul.State(), Address: s.Consul.Address, Datacenter: s.Consul.Datacenter, Services: s.Consul.Services, Listed: s.Consul.Listed, LastSuccess: s.Consul.LastSuccess},
	}
	for _, of := range s.Consul.Sites {
		r.Held += of.Held
	}
	if !s.Consul.Connected {
		r.Consul.LastError = s.Consul.LastError
	}
	for i := range s.Streams {
		o.settle(s.Streams[i].Types, s)
	}
	r.Nodes, r.Pollers = admin.NodesOf(s.Streams), s.Pollers
	if o.node != "" {
		r.Pollers = slices.DeleteFunc(r.Pollers, func(p xdsserver.Poller) bool { return !glob.Match(o.node, p.Node) })
		var ids []string
		for _, n := range r.Nodes {
			ids = append(ids, n.ID)
		}
		r.Nodes = slices.DeleteFunc(r.Nodes, func(n admin.Node) bool { return !glob.Match(o.node, n.ID) })
		if len(r.Nodes)+len(r.Pollers) == 0 {
			return r, fmt.Errorf("no node %s has an open stream%s: the clients' logs say why not; \"legate status --all\" lists who has", quote.Name(o.node), quote.Text(suggest.DidYouMean(o.node, ids), quote.TextBytes))
		}
	}
	for _, n := range r.Nodes {
		synced := true
		for _, t := range n.Types {
			r.States[t.State]++
			synced = synced && t.IsSynced()
		}
		if synced {
			r.finished++
		}
	}
	r.Synced = r.Synced && r.finished == len(r.Nodes)
	return r, nil
}

// settle counts what has only just been sent as SYNCED. While Legate is not ready nobody wants nothing.
func (o *statusOptions) settle(types []xdsserver.TypeStatus, s admin.Status) {
	for i := range types {
		t := &types[i]
		since := t.Waiting
		if since.IsZero() { // what it has not answered brings nothing new
			since = t.Since
		}
		if t.State == xdsserver.Stale && s.Now.Sub(since) < o.staleAfter {
			t.State = xdsserver.Synced
		}
		if t.State == xdsserver.NotSent && !s.Ready {
			t.Wants = max(t.Wants, 1)
		}
	}
}

// lastKnownOf says in words what is kept on disk.
func lastKnownOf(s admin.Status) string {
	k := s.LastKnown
	switch {
	case k.File == "":
		return "not kept: without --state-dir, a start needs Consul"
	case k.Stale:
		return "served, as of " + k.Believed.UTC().Format(time.RFC3339)
	case k.Written.IsZero():
		return "not written yet"
	}
	return "kept, as of " + k.Written.UTC().Format(time.RFC3339)
}
