package cli

import (
	"fmt"
	"strings"

	"legate/discovery/consul"
	"legate/internal/envoycheck"
	"legate/internal/quote"
	"legate/internal/register"
)

// registerOptions say whether Legate makes itself a service in Consul, and as what.
type registerOptions struct {
	on     bool
	config register.Config
}

// settings are those of "legate serve"; the first two are all that says which right that takes.
func (o *registerOptions) settings() []*setting {
	const category = "Registration in Consul"
	o.config = register.DefaultConfig()
	c := &o.config
	return []*setting{
		boolean(&o.on, setting{
			name: "register", env: "LEGATE_REGISTER", key: "register.enabled", category: category,
			usage: "Make Legate a service in Consul, so that Envoys find it by Consul's DNS. It takes a token with service:write on its name. " +
				"On SIGTERM it is removed before streams are drained. Serving never waits for it.",
		}),
		text(&c.Name, setting{
			name: "register-name", env: "LEGATE_REGISTER_NAME", key: "register.name", category: category, hint: "NAME",
			usage: "Name of that service.",
		}),
		shown(text(&c.Address, setting{
			name: "register-address", env: "LEGATE_REGISTER_ADDRESS", key: "register.address", category: category, hint: "HOST",
			usage: "Address at which Envoys reach Legate, without the port, which is that of --xds-listen.",
		}), "that of --xds-listen, and for all addresses the agent's, or this machine's own if the agent is on another one"),
		shown(text(&c.ID, setting{
			name: "register-id", env: "LEGATE_REGISTER_ID", key: "register.id", category: category, hint: "ID",
			usage: "Id of the registration, by which a Legate that is started again replaces itself. Give one where the host's name changes with each start, as in containers.",
		}), "name, host and port"),
		list(&c.Tags, setting{
			name: "register-tag", env: "LEGATE_REGISTER_TAGS", key: "register.tags", category: category, hint: "TAG",
			usage: "Tag of the registration, besides " + register.Tag + ".",
		}),
		pairs(&c.Meta, setting{
			name: "register-meta", env: "LEGATE_REGISTER_META", key: "register.meta", category: category, hint: "KEY=VALUE",
			usage: "Meta of the registration, besides Legate's version and datacenter.",
		}),
		shown(choices(&c.Checks, []string{register.GRPC, register.HTTP, register.TTL}, setting{
			name: "register-check", env: "LEGATE_REGISTER_CHECKS", key: "register.checks", category: category, hint: "CHECK",
			usage: "How Consul's agent checks Legate: grpc (the health service on --xds-listen), http (/readyz of --metrics-listen or --admin-listen), or ttl (Legate tells the agent).",
		}), "grpc and http, as far as the agent reaches these without a client certificate, else ttl"),
		duration(&c.RemoveAfter, register.MinRemoveAfter, register.MaxRemoveAfter, setting{
			name: "register-remove-after", env: "LEGATE_REGISTER_REMOVE_AFTER", key: "register.remove_after", category: category, hint: "SPAN",
			usage: "How long a Legate that has crashed and is not started again stays registered, with failing checks, before the agent removes it.",
		}),
	}
}

// rights are the settings that say which right the registration takes.
func (o *registerOptions) rights() []*setting { return o.settings()[:2] }

// validate reports a registration that Consul would refuse.
func (o *registerOptions) validate() error { return o.config.Validate() }

// findings are what stands in the way of the registration. Legate serves without it.
func (o *registerOptions) findings(is consul.Inspection) (all []envoycheck.Finding) {
	if !o.on {
		return nil
	}
	switch r := is.Write; {
	case r.Err != nil:
		all = append(all, envoycheck.Finding{Severity: envoycheck.Warning, Where: "--register", Detail: "nobody can tell whether the token may register Legate: " + r.Err.Error(), Remedy: "its policy needs: " + r.Policy})
	case !r.Has():
		all = append(all, envoycheck.Finding{Severity: envoycheck.Error, Where: "token", Detail: "lacks the right " + r.For, Remedy: "add to its policy: " + r.Policy})
	}
	if is.Node != "" && !register.IsLabel(is.Node) {
		all = append(all, envoycheck.Finding{Severity: envoycheck.Info, Where: "--register",
			Detail: fmt.Sprintf("the agent's node is called %s, which no resolver takes as a name: where Legate listens on all addresses, the agent's address is registered instead", quote.Name(is.Node))})
	}
	return all
}

// pairs is a setting of several KEY=VALUE.
func pairs(to *map[string]string, s setting) *setting {
	s.many = true
	s.set = func(v []string) error {
		all := map[string]string{}
		for _, one := range v {
			key, value, ok := strings.Cut(one, "=")
			if !ok || key == "" {
				return fmt.Errorf("want KEY=VALUE")
			}
			all[key] = value
		}
		*to = all
		return nil
	}
	return &s
}
