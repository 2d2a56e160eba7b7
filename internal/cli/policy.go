package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"legate/discovery/catalog"
	"legate/internal/quote"
	"legate/translate"
	"legate/translate/policy"
)

// policy is the group of commands about the operator's policy. None of them changes anything.
func (p *program) policy() *command {
	return &command{
		name:  "policy",
		usage: "check the policy of services, and explain what holds for one",
		sub:   []*command{p.policyCheck(), p.policyExplain(), p.policySchema()},
	}
}

func (p *program) policySchema() *command {
	return &command{
		name:  "schema",
		usage: "print a JSON Schema of policy files, for editors",
		examples: `
legate policy schema > policy.schema.json
# and in the first line of a policy file, for editors with a YAML language server:
# yaml-language-server: $schema=policy.schema.json`,
		run: func(context.Context) error {
			_, err := p.out.Write(policy.JSONSchema())
			return err
		},
	}
}

func (p *program) policyCheck() *command {
	o, file, live := newRenderOptions(), "", false
	const category = "Checking"
	c := &command{
		name:  "check",
		usage: "find mistakes in a policy before it is rolled out, and say what it would change",
		about: `
Without a catalog it only reads the file, or the folder of files. With --live it reads
Consul, with --catalog a file that "legate render --save-catalog" wrote, and also says
which services would change and how, compared with the policy that --policy names (or
the file of --config), or with none. It changes nothing.

A mistake ends it with exit code 1: serve would refuse the policy. A warning does not,
unless --strict is given. It is about what is allowed and hardly meant: a field that has
no effect beside another one, and, with a catalog, a rule or a name that matches no
service, a rule that later ones overrule for all of its services, and a field that has
no effect for any.`,
		examples: `
legate policy check policy.yaml
legate policy check new.yaml --live --config /etc/legate/legate.yaml
legate render --save-catalog now.json && legate policy check new.yaml --catalog now.json --policy /etc/legate/policy.yaml`,
		operand: one("FILE|FOLDER", &file),
		settings: append([]*setting{
			boolean(&live, setting{
				name: "live", env: "LEGATE_POLICY_LIVE", category: category,
				usage: "Read Consul, as render does. Implied by --consul-addr on the command line.",
			}),
			boolean(&o.strict, setting{
				name: "strict", env: "LEGATE_POLICY_STRICT", category: category,
				usage: "Fail (exit code 1) if there is a warning.",
			}),
		}, o.inputs()...),
	}
	c.run = func(ctx context.Context) error {
		next, err := loadPolicy(file)
		if err != nil {
			return errors.New(err.Error()) // not a mistake of the command line
		}
		warnings := next.Warnings()
		if o.catalog == "" && !live && !onCommandLine(c.settings, "consul-addr") {
			return p.warn(append(warnings, next.Lacking()...), o.strict, "ok\n")
		}
		now, err := loadPolicy(o.policy)
		if err != nil {
			return err
		}
		resources, err := p.resources(ctx, o)
		if err != nil {
			return err
		}
		before, _ := resources.With(now)
		after, _ := before.With(next)
		printPolicyChanges(p.out, before, after)
		return p.warn(append(warnings, after.Audit()...), o.strict, "")
	}
	return c
}

// warn prints warnings, and then what is said if all is well. With strict they are an error.
func (p *program) warn(warnings []policy.Warning, strict bool, well string) error {
	for _, w := range warnings {
		fmt.Fprintf(p.out, "warning: %s: %s: %s\n", quote.Text(w.Where, quote.TextBytes), quote.Text(w.Detail, quote.TextBytes), quote.Text(w.Remedy, quote.TextBytes))
	}
	if strict && len(warnings) > 0 {
		return fmt.Errorf("%s, and --strict allows none", plural(len(warnings), "warning"))
	}
	_, err := io.WriteString(p.out, well)
	return err
}

// onCommandLine reports whether a flag was given.
func onCommandLine(settings []*setting, name string) bool {
	return slices.ContainsFunc(settings, func(s *setting) bool { return s.name == name && len(s.given) > 0 })
}

// printPolicyChanges says what changes, service by service.
func printPolicyChanges(w io.Writer, before, after translate.Resources) {
	changed := 0
	names := after.Served()
	for _, name := range names {
		was, _, _ := before.Policy(name)
		now, _, _ := after.Policy(name)
		changes := policy.Changes(was, now)
		if len(changes) == 0 {
			continue
		}
		changed++
		fmt.Fprintf(w, "%s:\n", quote.Name(name))
		for _, c := range changes {
			fmt.Fprintf(w, "  %s: %s → %s (%s)\n", c.Field, orUnset(c.From), orUnset(c.To), quote.Text(c.Source, quote.TextBytes))
		}
	}
	batch := after.Diff(before)
	clusters := 0
	for _, r := range batch.Set {
		if r.Type == translate.ClusterType {
			clusters++
		}
	}
	fmt.Fprintf(w, "%s of %d would have another policy; %s would be rebuilt\n", plural(changed, "service"), len(names), plural(clusters, "cluster"))
	appeared, over := after.DiffProblems(before)
	printProblems(w, appeared)
	for _, one := range over {
		fmt.Fprintf(w, "no longer: %s: %s\n", quote.Name(one.Service), quote.Text(one.Detail, quote.TextBytes))
	}
}

func orUnset(s string) string {
	if s == "" {
		return "not set"
	}
	return quote.Text(s, quote.TextBytes)
}

// resources are what the catalog becomes without a policy.
func (p *program) resources(ctx context.Context, o *renderOptions) (translate.Resources, error) {
	datacenter, said, err := p.catalog(ctx, o)
	if err != nil {
		return translate.Resources{}, err
	}
	o.translate.Datacenter = datacenter
	if err := o.translate.Validate(); err != nil {
		return translate.Resources{}, err
	}
	r, _ := translate.New(o.translate).Apply(catalog.Catalog{}.Diff(said))
	return r, nil
}

// inputs are the settings of where a catalog comes from, and of the policy.
func (o *renderOptions) inputs() []*setting {
	return append([]*setting{o.catalogSetting()}, o.reading()...)
}

// reading are the settings of how Consul is read, and of the policy.
func (o *renderOptions) reading() []*setting {
	return slices.Concat(consulSettings(&o.consul), serviceSettings(&o.consul),
		hostSettings(&o.resolve, &o.translate), []*setting{policySetting(&o.policy)}, o.log.settings(), []*setting{configSetting(&o.config)})
}

func (o *renderOptions) catalogSetting() *setting {
	return text(&o.catalog, setting{
		name: "catalog", env: "LEGATE_RENDER_CATALOG", key: "render.catalog", category: "Rendering", hint: "FILE",
		usage: "Read this catalog, written by --save-catalog, instead of Consul.",
	})
}
