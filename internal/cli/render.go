package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"legate/discovery"
	"legate/discovery/catalog"
	dns "legate/discovery/resolve"
	"legate/translate"
	"legate/translate/policy"
)

// renderOptions are the options of "legate render".
type renderOptions struct {
	config      string
	consul      discovery.Config
	translate   translate.Config
	policy      string
	resolve     dns.Config
	log         logOptions
	catalog     string
	saveCatalog string
	format      string
	strict      bool
	timeout     time.Duration
}

func newRenderOptions() *renderOptions {
	return &renderOptions{
		consul:    discovery.DefaultConfig(),
		translate: translate.DefaultConfig(),
		resolve:   dns.DefaultConfig(),
		format:    "yaml",
		timeout:   time.Minute,
	}
}

func (p *program) render() *command {
	o := newRenderOptions()
	const category = "Rendering"
	c := &command{
		name:  "render",
		usage: "print what Envoy would get from Consul's catalog, once, without serving it",
		about: `
Resources go to standard output, what is left out and why to standard error.`,
		examples: `
# what Consul's services become
legate render
legate render --include web --format json

# keep what Consul said, and look at it again without Consul
legate render --save-catalog catalog.json
legate render --catalog catalog.json --strict`,
		settings: []*setting{
			o.catalogSetting(),
			text(&o.saveCatalog, setting{
				name: "save-catalog", env: "LEGATE_RENDER_SAVE_CATALOG", key: "render.save_catalog", category: category, hint: "FILE",
				usage: "Also write the catalog to this file.",
			}),
			choice(&o.format, []string{"yaml", "json"}, setting{
				name: "format", env: "LEGATE_RENDER_FORMAT", key: "render.format", category: category,
				usage: "yaml: a document for each resource; json: one list.",
			}),
			boolean(&o.strict, setting{
				name: "strict", env: "LEGATE_RENDER_STRICT", key: "render.strict", category: category,
				usage: "Fail (exit code 1) if anything is left out.",
			}),
			duration(&o.timeout, time.Second, time.Hour, setting{
				name: "timeout", env: "LEGATE_RENDER_TIMEOUT", key: "render.timeout", category: category, hint: "SPAN",
				usage: "Time limit for reading Consul.",
			}),
		},
		run: func(ctx context.Context) error { return p.runRender(ctx, o) },
	}
	c.settings = append(c.settings, consulSettings(&o.consul)...)
	c.settings = append(c.settings, serviceSettings(&o.consul)...)
	c.settings = append(c.settings, hostSettings(&o.resolve, &o.translate)...)
	c.settings = append(c.settings, policySetting(&o.policy))
	c.settings = append(c.settings, o.log.settings()...)
	c.settings = append(c.settings, configSetting(&o.config))
	return c
}

func (p *program) runRender(ctx context.Context, o *renderOptions) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	policies, err := loadPolicy(o.policy)
	if err != nil {
		return err
	}
	resources, err := p.rendered(ctx, o, policies)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := printResources(&out, o.format, resources); err != nil {
		return err
	}
	if _, err := p.out.Write(out.Bytes()); err != nil {
		return fmt.Errorf("write the resources: %w", err)
	}
	problems := resources.Problems()
	printProblems(p.err, problems)
	if o.strict && len(problems) > 0 {
		return fmt.Errorf("%s, and --strict allows none", plural(len(problems), "problem"))
	}
	return nil
}

// rendered reads the catalog and translates it. Host names are resolved, once.
func (p *program) rendered(ctx context.Context, o *renderOptions, policies policy.Policies) (translate.Resources, error) {
	datacenter, said, err := p.catalog(ctx, o)
	if err != nil {
		return translate.Resources{}, err
	}
	if o.translate.Resolved {
		log, bounded := o.log.logger(p.err, p.getenv)
		defer bounded.Flush()
		said = dns.New(o.resolve, log, nil).Once(ctx, said)
	}
	if o.saveCatalog != "" {
		if err := saveCatalog(o.saveCatalog, datacenter, said); err != nil {
			return translate.Resources{}, err
		}
	}
	o.translate.Datacenter = datacenter
	if err := o.translate.Validate(); err != nil {
		return translate.Resources{}, err
	}
	resources, _ := translate.New(o.translate).With(policies)
	resources, _ = resources.Apply(catalog.Catalog{}.Diff(said))
	return resources, nil
}

// catalog reads the saved catalog or Consul.
func (p *program) catalog(ctx context.Context, o *renderOptions) (string, catalog.Catalog, error) {
	if o.catalog != "" {
		datacenter, catalog, err := loadCatalog(o.catalog)
		if err != nil {
			err = usageError{err}
		}
		return datacenter, catalog, err
	}
	if err := o.consul.Validate(); err != nil {
		return "", catalog.Catalog{}, usageError{err}
	}
	log, bounded := o.log.logger(p.err, p.getenv)
	defer bounded.Flush()
	watcher, err := discovery.New(o.consul, log, nil)
	if err != nil {
		return "", catalog.Catalog{}, err
	}
	limited, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	read, err := watcher.Read(limited)
	if errors.Is(limited.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("%w: it took longer than --timeout %v", err, o.timeout)
	}
	if err != nil {
		return "", catalog.Catalog{}, fmt.Errorf("read consul %q: %w", watcher.Status().Address, err)
	}
	return watcher.Status().Datacenter, read, nil
}
