package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"legate/discovery"
	"legate/internal/admin"
	"legate/internal/quote"
	"legate/internal/suggest"
	"legate/xdsserver"
)

// explainOptions are the options of "legate explain".
type explainOptions struct {
	admin adminClient
	what  string // SERVICE, or SERVICE/INSTANCE
	json  bool

	envoys []string // addresses of their admin pages
	node   string   // who sees it so; empty: anybody
}

// exitTrouble is the exit code for a service or an instance with which something is wrong.
const exitTrouble = outcome(3)

func (p *program) explain() *command {
	o := &explainOptions{}
	c := &command{
		name:  "explain",
		usage: "say why a service, or an instance of it, takes traffic or does not",
		about: `
It asks a running Legate. First comes a sentence: does the service take traffic? Then what is
wrong with it, each with its remedy, and then:

  where      which part of the requests goes to which datacenter or peer, and why, if there are
             instances elsewhere ("legate explain web.dc2" explains those in dc2 alone)
  instances  those without traffic first: what Consul says (health, checks that do not pass),
             what Envoy gets (address, health, weight, locality), why no traffic, what helps
  clients    how many Envoys have it as it is now; who does not, since when; who rejects it,
             in the client's words
  policy     each field that somebody set, and who ("legate policy explain" has more)
  changes    the last ones ("legate changes SERVICE" has more)

With --envoy it also says why that Envoy's requests to the service fail: limits of the policy that
are reached, endpoints to which no connection succeeds, ejected ones, TLS, timeouts. It looks twice,
a second apart, so that it can say what happens just now.

INSTANCE is its id in Consul, or node/id: then only that instance is shown, with all that is
known of it. SERVICE may be the cluster of a further port, such as web.grpc.port.
If Legate sees no such service, it says which name is near, and whether --include, --exclude,
--tag, or an ACL hides it.

Exit codes: 0 all instances take traffic, all clients follow, and nothing is wrong; 3 not so;
1 no such service or instance, or no Legate answers; 2 a mistake in the command line.`,
		examples: `
# why does web get no traffic? And why not this instance?
legate explain web
legate explain web/web-2
legate explain web/node-7/web-2 --admin-addr 10.0.0.5:18001

# all is well in Consul and Legate, and requests fail: what does this Envoy say?
legate explain web --envoy 127.0.0.1:9901

# in which order does this Envoy use the endpoints, because of its zone?
legate explain web --node edge-1

# in a script: all that keeps instances from taking traffic
legate explain web --json | jq -r '.instances[] | select(.why) | "\(.node)/\(.id): \(.why)"'`,
		operand: one("SERVICE[/INSTANCE]", &o.what),
		settings: append(o.admin.settings(), boolean(&o.json, setting{
			name: "json", env: "LEGATE_EXPLAIN_JSON", category: "Output",
			usage: "Print what /api/v1/services/SERVICE answers, with the instances of all its pages; with --envoy also envoys, with what troubles each.",
		}), list(&o.envoys, setting{
			name: "envoy", env: "LEGATE_EXPLAIN_ENVOY", category: "Output", hint: "HOST:PORT",
			usage: "Address of the admin page of an Envoy that shall be asked, too.",
		}), text(&o.node, setting{
			name: "node", env: "LEGATE_EXPLAIN_NODE", category: "Output", hint: "ID",
			usage: "Id of a connected Envoy: endpoints have the priorities that they have for it, because of where it stands (prefer in the policy).",
		})),
	}
	c.run = func(ctx context.Context) error { return p.runExplain(ctx, o) }
	return c
}

// explanation is what is told of a service.
type explanation struct {
	admin.Service
	Envoys []askedEnvoy `json:"envoys,omitempty"`

	instance string // the only one that is asked for; empty: all are
	now      time.Time
	consul   discovery.Status
}

func (p *program) runExplain(ctx context.Context, o *explainOptions) error {
	x, err := o.ask(ctx)
	if err != nil {
		return err
	}
	if x.Envoys, err = o.traffic(ctx, x.Name); err != nil {
		return err
	}
	if o.json {
		err = printJSON(p.out, x)
	} else {
		err = p.explained(ctx, o, x)
	}
	if err == nil && x.trouble() {
		return exitTrouble
	}
	return err
}

// explained writes for people.
func (p *program) explained(ctx context.Context, o *explainOptions, x explanation) error {
	var about struct {
		Now    time.Time        `json:"now"`
		Consul discovery.Status `json:"consul"`
	}
	if err := o.admin.call(ctx, "GET", "/api/v1/status", &about); err != nil {
		return err
	}
	x.now, x.consul = about.Now, about.Consul
	var last admin.Changes
	err := o.admin.call(ctx, "GET", "/api/v1/changes?"+url.Values{"service": {x.Service.Service}, "limit": {strconv.Itoa(lastChanges)}}.Encode(), &last)
	if err != nil {
		return err
	}
	slices.Reverse(last.Changes)
	s := p.sheet()
	if err := s.explain(x, len(last.Changes) > 0); err != nil {
		return err
	}
	return changesSight{p: p, colour: s.colour}.show(last.Changes)
}

// lastChanges is how many changes are shown.
const lastChanges = 5

// ask asks for a service, and picks the instance that is meant. A name in Consul may have slashes, too.
func (o *explainOptions) ask(ctx context.Context) (explanation, error) {
	name, instance, _ := strings.Cut(o.what, "/")
	service, err := o.service(ctx, name)
	if instance != "" && errors.As(err, &notFound{}) {
		if whole, is := o.service(ctx, o.what); is == nil {
			return explanation{Service: whole}, nil
		}
	}
	if err != nil || instance == "" {
		return explanation{Service: service}, err
	}
	var picked []admin.Instance
	var ids []string
	for _, i := range service.Instances {
		full := i.Node + "/" + i.ID
		if i.ID == instance || full == instance {
			picked = append(picked, i)
		}
		ids = append(ids, i.ID, full)
	}
	if len(picked) == 0 {
		said := fmt.Sprintf("service %s has no instance %s", quote.Name(name), quote.Name(instance))
		if why := o.hides(ctx); why != "" {
			return explanation{}, fmt.Errorf("%s as far as Legate knows%s", said, why)
		}
		return explanation{}, fmt.Errorf("%s%s: \"legate explain %s\" shows all", said, quote.Text(suggest.DidYouMean(instance, ids), quote.TextBytes), quote.Name(name))
	}
	service.Instances = picked
	service.Problems = slices.DeleteFunc(service.Problems, func(p admin.ServiceProblem) bool {
		return p.Instance != "" && !slices.ContainsFunc(picked, func(i admin.Instance) bool { return p.Instance == i.Node+"/"+i.ID })
	})
	return explanation{Service: service, instance: instance}, nil
}

// hides says why Legate may not know an instance that Consul has; empty: it would.
func (o *explainOptions) hides(ctx context.Context) string {
	var about struct {
		Consul discovery.Status `json:"consul"`
	}
	if err := o.admin.call(ctx, "GET", "/api/v1/status", &about); err != nil {
		return ""
	}
	c := about.Consul
	switch {
	case !c.Connected:
		return fmt.Sprintf(", and Consul may have it: it %s (%s): \"legate status\" says more", c.State(), cmp.Or(c.LastError, "no error yet"))
	case len(c.Selection.Tags) > 0:
		return ". Only instances with all selected tags are served: --tag " + quote.Text(strings.Join(c.Selection.Tags, ", "), quote.NameBytes) + ". Has it these in Consul?"
	}
	return ""
}

// service asks for a service with all its instances.
func (o *explainOptions) service(ctx context.Context, name string) (all admin.Service, err error) {
	for n := 1; n == 1 || n <= all.Pages; n++ {
		var page admin.Service
		path := fmt.Sprintf("/api/v1/services/%s?limit=%d&page=%d", url.PathEscape(name), instancesAtOnce, n)
		if o.node != "" {
			path += "&" + url.Values{"node": {o.node}}.Encode()
		}
		if err := o.admin.call(ctx, "GET", path, &page); err != nil {
			return all, err
		}
		page.Instances = append(all.Instances, page.Instances...)
		all = page
	}
	return all, nil
}

// instancesAtOnce is how many instances are asked for at once: as many as Legate gives.
const instancesAtOnce = 1000

// trouble reports whether something is wrong with what was asked for.
func (x *explanation) trouble() bool {
	mood, _ := x.Traffic()
	if x.instance != "" {
		mood, _ = x.Instances[0].State.Words() // the worst is the first
	}
	return mood != "good" || len(x.Problems) > 0 || slices.ContainsFunc(x.Envoys, askedEnvoy.fails) || slices.ContainsFunc(x.Deliveries, behind)
}

// behind reports whether a client rejects it, or was sent it and has not answered for longer than a client that is well takes.
func behind(d admin.ServiceDelivery) bool {
	return d.Rejected > 0 || slices.ContainsFunc(d.Missing, func(m xdsserver.Awaited) bool {
		return m.State == xdsserver.Stale && time.Since(m.Since) >= usualDelay
	})
}

// usualDelay is how long a change may be on its way; it is the default of --stale-after as well.
const usualDelay = time.Second
