package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"text/tabwriter"
	"time"

	"legate/internal/admin"
	"legate/internal/quote"
)

// holds is the group of commands about losses that a running Legate does not believe yet.
func (p *program) holds() *command {
	return &command{
		name:  "holds",
		usage: "show and release losses in Consul that a running Legate does not believe yet",
		sub:   []*command{p.holdsList(), p.holdsRelease()},
	}
}

func (p *program) holdsList() *command {
	a := &adminClient{}
	format := "text"
	c := &command{
		name:  "list",
		usage: "print what is held, why, and for how long at most",
		about: `
A loss is held while it may be Consul's mistake: what Consul says is gone is served on,
and asked about again. Of the instances that are kept some may only have lost the tags that
select them (--tag). Consul's config entries are held, too (KIND/NAME). Nothing needs to be done, except to look at Consul if most of a
datacenter is held.`,
		examples: `
legate holds list
legate holds list --format json --admin-socket /run/legate/admin.sock`,
		run: func(ctx context.Context) error {
			var held admin.Held
			if err := a.call(ctx, "GET", "/api/v1/holds", &held); err != nil {
				return err
			}
			return printHolds(p.out, format, held)
		},
	}
	c.settings = append(a.settings(), choice(&format, []string{"text", "json"}, setting{
		name: "format", env: "LEGATE_FORMAT", category: "Output", usage: "Output format.",
	}))
	return c
}

func (p *program) holdsRelease() *command {
	a := &adminClient{}
	var service, site string
	var all bool
	c := &command{
		name:  "release",
		usage: "believe losses at once: of one service, of one datacenter or peer, or all that are held",
		about: `
Instances that Consul says are gone are taken from Envoy at once, and config entries that it
says are gone, or hides from the token, count no longer. This changes something:
it takes Legate's unix socket (its --admin-socket, or admin.sock in its --state-dir), or
the token of its --admin-token-file.`,
		examples: `
legate holds release --service web --admin-socket /var/lib/legate/admin.sock
legate holds release --service service-defaults/web
legate holds release --site dc2
legate holds release --all --admin-token-file /etc/legate/admin-token`,
		run: func(ctx context.Context) error {
			query := url.Values{}
			switch {
			case service != "" && site == "" && !all:
				query.Set("service", service)
			case service == "" && site != "" && !all:
				query.Set("site", site)
			case service == "" && site == "" && all:
				query.Set("all", "true")
			default:
				return usageError{errors.New("say what to release: --service NAME, --site NAME, or --all")}
			}
			var held admin.Held
			if err := a.call(ctx, "POST", admin.ReleasePath+"?"+query.Encode(), &held); err != nil {
				return err
			}
			fmt.Fprintf(p.out, "released: %s\n", plural(held.Released, "hold"))
			return nil
		},
	}
	c.settings = append(a.settings(),
		text(&service, setting{
			name: "service", env: "LEGATE_HOLDS_SERVICE", category: "What", hint: "NAME",
			usage: "The service whose loss is believed, with that of its config entries; or one config entry: KIND/NAME.",
		}),
		text(&site, setting{
			name: "site", env: "LEGATE_HOLDS_SITE", category: "What", hint: "NAME",
			usage: "The datacenter (dc2), or the peer (cluster01.peer), of which all losses that are held are believed.",
		}),
		boolean(&all, setting{
			name: "all", env: "LEGATE_HOLDS_ALL", category: "What",
			usage: "Believe all losses that are held, of all datacenters and peers.",
		}))
	return c
}

func printHolds(w io.Writer, format string, held admin.Held) error {
	if format == "json" {
		text, err := json.MarshalIndent(held.Holds, "", "  ")
		if err != nil {
			return err
		}
		_, err = w.Write(append(quote.JSON(text), '\n'))
		return err
	}
	if len(held.Holds) == 0 {
		fmt.Fprintln(w, "nothing is held: all that Consul says is served")
		return nil
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SERVICE\tWHY\tKEPT\tLOST TAGS\tSERVED\tSINCE\tBELIEVED")
	now := time.Now()
	remedies, known := []string(nil), map[string]bool{}
	for _, h := range held.Holds {
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%d\t%s\t%s\n", quote.Name(h.Name()), quote.Name(h.Why), h.Kept, h.Deselected, h.Served, h.Since.Format(time.RFC3339), h.Ends(now))
		if !known[h.Remedy] {
			known[h.Remedy] = true
			remedies = append(remedies, h.Remedy)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, r := range remedies {
		fmt.Fprintf(w, "\n%s\n", quote.Text(r, quote.TextBytes))
	}
	return nil
}
