package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

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

func (p *program) policyExplain() *command {
	o, asJSON, service := newRenderOptions(), false, ""
	c := &command{
		name:  "explain",
		usage: "print what holds for a service, each field with who said it",
		about: `
It reads what serve would: Consul (or a saved catalog) and the policy. Fields that nobody
set have Envoy's own defaults, and are not printed.`,
		examples: `
legate policy explain web --policy /etc/legate/policy.yaml
legate policy explain web --policy policy.yaml --catalog catalog.json --json`,
		operand:  one("SERVICE", &service),
		settings: append(o.inputs(), boolean(&asJSON, setting{name: "json", env: "LEGATE_POLICY_JSON", category: "Output", usage: "Print JSON."})),
	}
	c.run = func(ctx context.Context) error {
		policies, err := loadPolicy(o.policy)
		if err != nil {
			return err
		}
		resources, err := p.resources(ctx, o)
		if err != nil {
			return err
		}
		resources, _ = resources.With(policies)
		e, problems, served := resources.Policy(service)
		if !served {
			return fmt.Errorf("service %s is not served: name one that is in Consul (legate render shows them)", quote.Name(service))
		}
		return printExplanation(p.out, policy.Explain(service, e, problems), asJSON)
	}
	return c
}

func printExplanation(w io.Writer, x policy.Explanation, asJSON bool) error {
	if asJSON {
		text, err := json.MarshalIndent(x, "", "  ")
		if err == nil {
			_, err = fmt.Fprintf(w, "%s\n", quote.JSON(text))
		}
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FIELD\tVALUE\tSOURCE")
	for _, f := range x.Fields {
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.Field, quote.Text(strings.Trim(string(f.Value), `"`), quote.TextBytes), quote.Text(f.Source, quote.TextBytes))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, one := range x.Problems {
		fmt.Fprintf(w, "does not count: %s: %s: %s\n", quote.Text(one.Source, quote.TextBytes), quote.Text(one.Detail, quote.TextBytes), one.Remedy)
	}
	return nil
}

func (p *program) policyCheck() *command {
	o, file := newRenderOptions(), ""
	c := &command{
		name:  "check",
		usage: "find mistakes in a policy before it is rolled out, and say what it would change",
		about: `
Without a catalog it only reads the file, or the folder of files. With --catalog (written
by "legate render --save-catalog") it also says which services would change and how, compared
with the policy that --policy names, or with none. It ends with exit code 1 if there is a mistake.`,
		examples: `
legate policy check policy.yaml
legate render --save-catalog now.json && legate policy check new.yaml --catalog now.json --policy /etc/legate/policy.yaml`,
		operand:  one("FILE|FOLDER", &file),
		settings: []*setting{o.catalogSetting(), policySetting(&o.policy)},
	}
	c.run = func(ctx context.Context) error {
		next, err := loadPolicy(file)
		if err != nil {
			return errors.New(err.Error()) // not a mistake of the command line
		}
		if o.catalog == "" {
			_, err := io.WriteString(p.out, "ok\n")
			return err
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
		return nil
	}
	return c
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
	return slices.Concat([]*setting{o.catalogSetting()}, consulSettings(&o.consul), serviceSettings(&o.consul),
		hostSettings(&o.resolve, &o.translate), []*setting{policySetting(&o.policy)}, o.log.settings(), []*setting{configSetting(&o.config)})
}

func (o *renderOptions) catalogSetting() *setting {
	return text(&o.catalog, setting{
		name: "catalog", env: "LEGATE_RENDER_CATALOG", key: "render.catalog", category: "Rendering", hint: "FILE",
		usage: "Read this catalog, written by --save-catalog, instead of Consul.",
	})
}
