package cli

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
	"legate/internal/envoycheck"
	"legate/internal/quote"
)

func (p *program) checkConsul() *command {
	o, asJSON, own := newRenderOptions(), false, &registerOptions{}
	c := &command{
		name:  "consul",
		usage: `say whether "legate serve" could watch Consul with these settings`,
		about: `
It tries each right that the token should have, and names the rule that its policy lacks. Then
it reads all that serve would, once and consistently: so address, TLS and the answers
themselves are as serve needs them. It compares versions and clocks, and says how many
connections serve will have and how many the agent allows. What will surprise somebody later
is a warning. Exit code 0: serve can watch it; 1: it cannot.`,
		examples: `
legate check consul
legate check consul --consul-addr https://consul.internal:8501 --consul-ca-file ca.pem --consul-token-file token`,
	}
	c.settings = slices.Concat(consulSettings(&o.consul), serviceSettings(&o.consul), own.rights(), []*setting{
		duration(&o.timeout, time.Second, time.Hour, setting{
			name: "timeout", env: "LEGATE_CHECK_TIMEOUT", category: "Output", hint: "SPAN", usage: "Time limit for reading Consul.",
		}),
		boolean(&asJSON, setting{name: "json", env: "LEGATE_CHECK_JSON", category: "Output", usage: "Print an object for each finding, one a line."}),
	}, o.log.settings(), []*setting{configSetting(&o.config)})
	c.run = func(ctx context.Context) error {
		ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
		defer stop()
		return p.runCheckConsul(ctx, o, own, asJSON)
	}
	return c
}

// runCheckConsul looks at the rights first: without them what is read is not all.
func (p *program) runCheckConsul(ctx context.Context, o *renderOptions, own *registerOptions, asJSON bool) error {
	is, err := o.inspect(ctx, own)
	if err != nil {
		return err
	}
	all := append(rightFindings(is.Rights, o.consul.Watch.FilteredExpected), own.findings(is)...)
	if slices.ContainsFunc(all, func(f envoycheck.Finding) bool { return f.Severity == envoycheck.Error }) {
		return p.printFindings(all, asJSON)
	}
	datacenter, said, err := p.catalog(ctx, o)
	if err != nil {
		return err
	}
	if !asJSON {
		instances := 0
		for _, s := range said.Services {
			instances += len(s.Instances)
		}
		fmt.Fprintf(p.out, "consul at %s, datacenter %s: %s, %s\n", quote.Text(o.consul.Consul.Address, quote.NameBytes), quote.Name(datacenter),
			plural(len(said.Services), "service"), plural(instances, "instance"))
	}
	all = append(all, versionFinding(is.Versions), clockFinding(is.Ahead), o.connectionFinding(len(said.Services), is))
	return p.printFindings(append(all, o.consulFindings(said)...), asJSON)
}

// inspect asks what Consul tells beside its catalog.
func (o *renderOptions) inspect(ctx context.Context, own *registerOptions) (consul.Inspection, error) {
	if err := o.consul.Validate(); err != nil {
		return consul.Inspection{}, usageError{err}
	}
	client, err := consul.New(o.consul.Consul, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return consul.Inspection{}, err
	}
	defer client.Close()
	limited, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	as := ""
	if own.on {
		as = own.config.Name
	}
	return client.Inspect(limited, as)
}

// rightFindings are the rights that the token lacks.
func rightFindings(rights []consul.Right, partExpected bool) (all []envoycheck.Finding) {
	for _, r := range rights {
		if r.Has() || r.Hidden && r.Err == nil && partExpected {
			continue
		}
		f := envoycheck.Finding{Severity: envoycheck.Error, Where: "token", Remedy: "add to its policy: " + r.Policy}
		switch {
		case r.Err == nil:
			f.Detail = "lacks a right " + r.For + ": a part is hidden"
			f.Remedy += ", or say that it shall see a part only: --consul-filtered-expected"
		case consul.FailureOf(r.Err) == consul.Denied && strings.Contains(r.Err.Error(), "ACL not found"):
			return []envoycheck.Finding{{Severity: envoycheck.Error, Where: "token", Detail: "Consul does not know this token", Remedy: "give one that exists, of this datacenter: --consul-token-file"}}
		case consul.FailureOf(r.Err) == consul.Denied:
			f.Detail = "lacks the right " + r.For
		default:
			f.Where, f.Detail, f.Remedy = "consul", r.Err.Error(), consul.RemedyOf(r.Err)
		}
		if !r.Needed {
			f.Severity, f.Detail, f.Remedy = envoycheck.Info, f.Detail+"; Legate needs it no more than that", ""
		}
		all = append(all, f)
	}
	return all
}

// testedConsul is the release of Consul that Legate is tested with.
const testedConsul = "1.22"

func versionFinding(versions []string) envoycheck.Finding {
	f := envoycheck.Finding{Severity: envoycheck.Info, Where: "versions", Detail: "legate " + readBuild().Version + ", consul " + strings.Join(versions, " and ")}
	other := slices.DeleteFunc(slices.Clone(versions), func(v string) bool { return strings.HasPrefix(v, testedConsul+".") })
	switch {
	case len(versions) == 0:
		f.Detail += "unknown: the token may see neither the agent nor the servers"
	case len(other) > 0:
		f.Severity = envoycheck.Warning
		f.Detail += "; Legate is tested with " + testedConsul
		f.Remedy = "try Legate with this Consul before you rely on it"
	}
	return f
}

// clockTolerance is how far apart clocks may be without a warning: machines that keep time are closer than that.
const clockTolerance = 2 * time.Second

func clockFinding(ahead time.Duration) envoycheck.Finding {
	f := envoycheck.Finding{Severity: envoycheck.Info, Where: "clock", Detail: "agrees with Consul's to the second"}
	if ahead == 0 {
		return f
	}
	way := "ahead of"
	if ahead < 0 {
		way = "behind"
	}
	f.Detail = fmt.Sprintf("is %v %s Consul's", ahead.Abs().Round(100*time.Millisecond), way)
	if ahead.Abs() >= clockTolerance {
		f.Severity = envoycheck.Warning
		f.Detail += ": certificates seem to begin or to end at another time, and what Legate, Consul and Envoys log does not fit together"
		f.Remedy = "synchronise the clocks of this machine and of Consul's (chrony, systemd-timesyncd)"
	}
	return f
}

// usualLimit is what an agent allows unless it is told otherwise.
const usualLimit = 200

// connectionFinding says how many connections Legate will have, and whether the agent allows them.
func (o *renderOptions) connectionFinding(services int, is consul.Inspection) envoycheck.Finding {
	limit, config := is.Limit, o.consul.Consul
	queries := services + o.consul.Watch.MinConnections() - 1
	needs, how := queries, "one for each query, over HTTP/1.1"
	if is.Room > 1 {
		needs, how = (queries+is.Room-1)/is.Room, fmt.Sprintf("%d queries on each, over HTTP/2", is.Room)
	}
	most := min(needs, config.MaxConnections)
	allowed := fmt.Sprintf("the agent allows an address %d", limit)
	if limit == 0 {
		limit, allowed = usualLimit, fmt.Sprintf("an agent allows an address %d unless it is told otherwise", usualLimit)
	}
	f := envoycheck.Finding{
		Severity: envoycheck.Info, Where: "connections",
		Detail: fmt.Sprintf("%s (%s), at most %d (--max-connections); %s, all its clients together (limits.http_max_conns_per_client)", plural(needs, "connection"), how, config.MaxConnections, allowed),
	}
	remedy := fmt.Sprintf("use HTTPS (ports.https in the agent), or raise limits.http_max_conns_per_client in Consul to %d", 2*most)
	switch {
	case most > limit:
		f.Severity, f.Remedy = envoycheck.Error, remedy+fmt.Sprintf(", or set --max-connections to %d", limit/2)
	case 2*most > limit:
		f.Severity, f.Remedy = envoycheck.Warning, remedy
		f.Detail += ": less than half is left for others at this address"
	}
	return f
}

func (o *renderOptions) isSecure() bool {
	return strings.HasPrefix(o.consul.Consul.Address, "https://") || o.consul.Consul.Scheme == "https"
}

// consulFindings are what will surprise somebody although Consul answers as it should.
func (o *renderOptions) consulFindings(said catalog.Catalog) (all []envoycheck.Finding) {
	warn := func(where, detail, remedy string) {
		all = append(all, envoycheck.Finding{Severity: envoycheck.Warning, Where: where, Detail: detail, Remedy: remedy})
	}
	config := o.consul.Consul
	secure := o.isSecure()
	if room := config.MaxConnections - o.consul.Watch.MinConnections() + 1; !secure && len(said.Services) > room {
		warn("--max-connections", fmt.Sprintf("%s, and over plain HTTP connections for about %d: changes of the others are seen after a second or two, some after half a minute", plural(len(said.Services), "service"), room),
			"use HTTPS (ports.https in the agent), or raise limits.http_max_conns_per_client in Consul and --max-connections")
	}
	if secure && config.TLS.InsecureSkipVerify {
		warn("--consul-ssl-verify", "Consul's certificate is not verified: whoever is in between can give Envoy other endpoints", "give --consul-ca-file")
	}
	if len(said.Services) == 0 {
		warn("services", "Consul has none that is selected", "check --include, --exclude and --tag, and whether services are registered in this datacenter")
	}
	return all
}
