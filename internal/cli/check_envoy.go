package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"

	"legate/internal/envoycheck"
	"legate/internal/files"
	"legate/internal/quote"
	"legate/translate"
)

// envoyCheckOptions are the options of "legate check envoy".
type envoyCheckOptions struct {
	*renderOptions // how Consul is read
	file, admin    string
	saved          string // a catalog
	withConsul     bool
	json           bool
}

func (p *program) checkEnvoy() *command {
	o := &envoyCheckOptions{renderOptions: newRenderOptions()}
	const category = "Flags"
	c := &command{
		name:  "envoy",
		usage: "find what is wrong with an Envoy's bootstrap, as far as it concerns Legate",
		about: `
It reads a bootstrap, in YAML or JSON, or asks a running Envoy for its own. Each finding has
its severity, its place, and its remedy. Exit code 0: there is no error; 1: there is one.
Whether Envoy accepts the rest, "envoy --mode validate -c FILE" says.`,
		examples: `
legate check envoy envoy.yaml
legate check envoy --envoy-admin 127.0.0.1:9901

# also: do the static clusters ask for services that exist?
legate check envoy --consul --config /etc/legate/legate.yaml envoy.yaml
legate render --save-catalog now.json && legate check envoy --catalog now.json envoy.yaml`,
		operand: operand{"[FILE]", 0, 1, func(words []string) { o.file = words[0] }},
		settings: []*setting{
			text(&o.admin, setting{
				name: "envoy-admin", env: "LEGATE_CHECK_ENVOY_ADMIN", category: category, hint: "HOST:PORT",
				usage: "Address of the admin page of a running Envoy, instead of FILE.",
			}),
			text(&o.saved, setting{
				name: "catalog", env: "LEGATE_CHECK_CATALOG", category: category, hint: "FILE",
				usage: "A saved catalog (render --save-catalog), or an output of render. Names that static clusters ask for must be in it.",
			}),
			boolean(&o.withConsul, setting{
				name: "consul", env: "LEGATE_CHECK_CONSUL", category: category,
				usage: "Read Consul, with the settings and the selection of serve. Names that static clusters ask for must be there.",
			}),
			boolean(&o.json, setting{
				name: "json", env: "LEGATE_CHECK_JSON", category: category,
				usage: "Print an object for each finding, one a line.",
			}),
		},
		run: func(ctx context.Context) error { return p.runCheckEnvoy(ctx, o) },
	}
	c.settings = append(c.settings, o.reading()...)
	return c
}

func (p *program) runCheckEnvoy(ctx context.Context, o *envoyCheckOptions) error {
	if (o.file == "") == (o.admin == "") {
		return usageError{errors.New("say which Envoy: name its bootstrap, or its admin page with --envoy-admin")}
	}
	if o.saved != "" && o.withConsul {
		return usageError{errors.New("--catalog and --consul: the names come from one of them")}
	}
	has, err := p.servedNames(ctx, o)
	if err != nil {
		return err
	}
	bootstrap, err := o.bootstrap(ctx)
	if err != nil {
		return err
	}
	return p.printFindings(envoycheck.Check(bootstrap, has), o.json)
}

// servedNames says which names Envoy can ask for; nil: that is not known.
func (p *program) servedNames(ctx context.Context, o *envoyCheckOptions) (has func(name string) bool, err error) {
	if o.saved == "" && !o.withConsul {
		return nil, nil
	}
	policies, err := loadPolicy(o.policy)
	if err != nil {
		return nil, err
	}
	if o.saved != "" {
		s, err := readServed(o.saved, policies)
		return func(name string) bool { return s.services[name].Cluster != nil }, err
	}
	resources, err := p.rendered(ctx, o.renderOptions, policies)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for r := range resources.All() {
		if r.Type == translate.ClusterType {
			names[r.Name.Name] = true
		}
	}
	return func(name string) bool { return names[name] }, nil
}

// printFindings prints what is found; an error among it is an error.
func (p *program) printFindings(all []envoycheck.Finding, asJSON bool) error {
	var out bytes.Buffer
	bad, fine := 0, true
	for _, f := range all {
		fine = fine && f.Severity == envoycheck.Info
		if f.Severity == envoycheck.Error {
			bad++
		}
		if asJSON {
			writeObject(&out, f)
			continue
		}
		line := fmt.Sprintf("%s: %s: %s", f.Severity, quote.Text(f.Where, quote.NameBytes), quote.Text(f.Detail, quote.TextBytes))
		if f.Remedy != "" {
			line += ": " + quote.Text(f.Remedy, quote.TextBytes)
		}
		fmt.Fprintln(&out, line)
	}
	if fine && !asJSON {
		out.WriteString("ok\n")
	}
	if _, err := p.out.Write(out.Bytes()); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if bad > 0 {
		return outcome(exitFailed)
	}
	return nil
}

// maxBootstrap is the size limit of a bootstrap in bytes.
const maxBootstrap = 16 << 20

// bootstrap reads the bootstrap from its file or from Envoy.
func (o *envoyCheckOptions) bootstrap(ctx context.Context) (b map[string]any, err error) {
	if o.admin != "" {
		return o.ofRunning(ctx)
	}
	content, err := files.Read(o.file, maxBootstrap)
	if err == nil {
		err = yaml.Unmarshal(content, &b) // JSON is a subset of YAML
	}
	if err != nil {
		return nil, fmt.Errorf("read %q: %w: give an Envoy bootstrap", o.file, reason(err))
	}
	return b, nil
}

// ofRunning asks an Envoy's admin page.
func (o *envoyCheckOptions) ofRunning(ctx context.Context) (map[string]any, error) {
	content, err := askEnvoy(ctx, o.admin, "/config_dump", "--envoy-admin")
	if err != nil {
		return nil, err
	}
	var dump struct {
		Configs []struct {
			Bootstrap map[string]any `json:"bootstrap"`
		} `json:"configs"`
	}
	if err := json.Unmarshal(content, &dump); err != nil {
		return nil, envoyFailed(o.admin, err, "--envoy-admin")
	}
	for _, c := range dump.Configs {
		if c.Bootstrap != nil {
			return c.Bootstrap, nil
		}
	}
	return nil, envoyFailed(o.admin, errors.New("it names no bootstrap"), "--envoy-admin")
}
