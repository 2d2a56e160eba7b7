package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"legate/internal/admin"
	"legate/internal/changes"
	"legate/internal/compare"
	"legate/internal/quote"
)

// changesOptions are the options of "legate changes".
type changesOptions struct {
	admin        adminClient
	service      string // or a change's id
	since        string
	kinds        []string
	limit        int
	follow, json bool
}

func (p *program) changes() *command {
	o := &changesOptions{limit: 100}
	const category = "Flags"
	c := &command{
		name:  "changes",
		usage: "show what changed lately, line by line: what changed before it broke",
		about: `
A running Legate remembers the last some thousand changes since its start: instances that came
(+), went (-) or changed (~) in Consul, with the check that fails; policies and config entries;
losses that it holds; files that were read again. The oldest come first. SENT is how long after
Consul's answer the first Envoy was sent the change, or that there was nothing to send; ACKED when
the last one acknowledged it, and how many have not. With a SERVICE it shows changes of that one
only, and with the ID of a change (--json, the log) that one, and which nodes are missing.`,
		examples: `
# the last hundred, and those of one service
legate changes
legate changes web

# one change: who has not acknowledged it, since when, and why
legate changes k3f9qx-17

# what happened in the ten minutes before now; what happened since a time
legate changes --since 10m
legate changes web --since 2026-11-27T02:30:00Z

# live, until Ctrl-C
legate changes --follow --kind service --kind policy

# for programs: an object a line
legate changes --since 1h --json | jq -r 'select(.removed > 0) | .services[]'`,
		operand: operand{"[SERVICE|ID]", 0, 1, func(words []string) {
			if len(words) > 0 {
				o.service = words[0]
			}
		}},
		settings: []*setting{
			text(&o.since, setting{
				name: "since", env: "LEGATE_CHANGES_SINCE", category: category, hint: "SPAN|TIME",
				usage: "All changes since then: how long ago, such as 10m, or a time, such as 2026-11-27T02:41:00Z.",
			}),
			choices(&o.kinds, kindsOfChanges(), setting{
				name: "kind", env: "LEGATE_CHANGES_KIND", category: category, hint: "KIND",
				usage: "Changes of these kinds only: " + strings.Join(kindsOfChanges(), ", ") + ".",
			}),
			number(&o.limit, 1, 1_000_000, setting{
				name: "limit", env: "LEGATE_CHANGES_LIMIT", category: category, hint: "N",
				usage: "So many of the newest, unless --since is given.",
			}),
			boolean(&o.follow, setting{
				name: "follow", env: "LEGATE_CHANGES_FOLLOW", category: category,
				usage: "Go on with each change as it comes, until Ctrl-C.",
			}),
			boolean(&o.json, setting{
				name: "json", env: "LEGATE_CHANGES_JSON", category: category,
				usage: "Print an object a line, with all that is known of a change.",
			}),
		},
		run: func(ctx context.Context) error { return p.runChanges(ctx, o) },
	}
	c.settings = append(c.settings, o.admin.settings()...)
	return c
}

func kindsOfChanges() (all []string) {
	for _, k := range changes.Kinds() {
		all = append(all, string(k))
	}
	return all
}

func (p *program) runChanges(ctx context.Context, o *changesOptions) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	seen := changesSight{p: p, json: o.json, colour: !o.json && terminal(p.out) && p.getenv("TERM") != "dumb" && p.getenv("NO_COLOR") == ""}
	if one, is, err := o.one(ctx); is || err != nil {
		if err != nil || o.json {
			return errors.Join(err, seen.show([]admin.Changed{one}))
		}
		return seen.whole(one)
	}
	all, newest, err := o.past(ctx)
	if err != nil {
		return err
	}
	if len(all) == 0 && !o.follow && !o.json {
		fmt.Fprintln(p.out, "no such change is remembered: Legate remembers the last some thousand since its start")
	}
	if !o.json && (len(all) > 0 || o.follow) {
		fmt.Fprintln(p.out, changesHead)
	}
	if err := seen.show(all); err != nil || !o.follow {
		return err
	}
	return o.goOn(ctx, newest, seen)
}

// one is the change whose id was given, if it is one: the name of a service can look like an id.
func (o *changesOptions) one(ctx context.Context) (one admin.Changed, is bool, err error) {
	var id changes.ID
	if id.UnmarshalText([]byte(o.service)) != nil || id == (changes.ID{}) {
		return one, false, nil
	}
	err = o.admin.call(ctx, "GET", "/api/v1/changes/"+url.PathEscape(id.String()), &one)
	if errors.As(err, &notFound{}) {
		return one, false, nil
	}
	return one, err == nil, err
}

// query is what the changes are asked for by.
func (o *changesOptions) query(more ...string) string {
	values := url.Values{}
	for name, value := range map[string]string{"service": o.service, "kind": strings.Join(o.kinds, ",")} {
		if value != "" {
			values.Set(name, value)
		}
	}
	for n := 0; n+1 < len(more); n += 2 {
		values.Set(more[n], more[n+1])
	}
	return "/api/v1/changes?" + values.Encode()
}

// pageOfChanges is how many changes are asked for at once.
const pageOfChanges = 500

// past returns the changes that there are, the oldest first, and the id of the newest of all.
func (o *changesOptions) past(ctx context.Context) (all []admin.Changed, newest changes.ID, err error) {
	left, more := o.limit, []string{}
	if o.since != "" {
		left, more = 1<<30, []string{"since", o.since}
	}
	for first, before := true, (changes.ID{}); first || before != (changes.ID{}) && left > 0; first = false {
		asked := append(slices.Clone(more), "limit", strconv.Itoa(min(left, pageOfChanges)))
		if !first {
			asked = append(asked, "before", before.String())
		}
		var page admin.Changes
		if err := o.admin.call(ctx, "GET", o.query(asked...), &page); err != nil {
			return nil, newest, err
		}
		if first {
			newest = page.Newest
		}
		all, before = append(all, page.Changes...), page.Next
		left -= len(page.Changes)
	}
	slices.Reverse(all)
	return all, newest, nil
}

// How long an answer may wait for a change, and how long it takes to try again after a failure.
const (
	waitForChange = 25 * time.Second
	retryChanges  = 2 * time.Second
)

// goOn shows what comes after an id, until the context is done.
func (o *changesOptions) goOn(ctx context.Context, after changes.ID, seen changesSight) error {
	o.admin.patience = waitForChange
	lost := false
	for ctx.Err() == nil {
		var page admin.Changes
		err := o.admin.call(ctx, "GET", o.query("after", after.String(), "wait", waitForChange.String(), "limit", strconv.Itoa(pageOfChanges)), &page)
		if ctx.Err() != nil {
			return nil // somebody has seen enough
		}
		if usage := (usageError{}); errors.As(err, &usage) {
			return err
		}
		if err != nil {
			if !lost {
				fmt.Fprintf(seen.p.err, "legate: %s; trying again\n", quote.Text(err.Error(), quote.DataBytes))
			}
			lost = true
			select {
			case <-ctx.Done():
			case <-time.After(retryChanges):
			}
			continue
		}
		lost = false
		if page.Missed {
			fmt.Fprintln(seen.p.err, "legate: some changes are not shown: Legate was started anew, or more has changed than it remembers")
		}
		if err := seen.show(page.Changes); err != nil {
			return err
		}
		after = page.Next
	}
	return nil
}

// changesSight shows changes as text, or an object a line.
type changesSight struct {
	p            *program
	json, colour bool
}

// changesHead is above the changes.
const changesHead = "WHEN          SENT       ACKED              WHAT"

// show writes the lines of changes at once, so that none is cut.
func (s changesSight) show(all []admin.Changed) error {
	var b bytes.Buffer
	for i := range all {
		c := &all[i]
		if s.json {
			content, err := json.Marshal(c)
			if err != nil {
				return err
			}
			b.Write(append(quote.JSON(content), '\n'))
			continue
		}
		sent, acked := c.Sent(), c.Acked()
		for _, line := range c.Texts() {
			sign, _, _ := strings.Cut(line, " ")
			fmt.Fprintf(&b, "%-12s  %-9s  %-17s  %s  %s\n", clockOf(c.At), sent, acked, c.Name(), paint(s.colour, compare.Sign(sign), line))
			sent, acked = "", ""
		}
	}
	_, err := s.p.out.Write(b.Bytes())
	return err
}

// clockOf is the time of day, with the date unless that is today's.
func clockOf(at time.Time) string {
	at = at.Local()
	if at.Format(time.DateOnly) == time.Now().Format(time.DateOnly) {
		return at.Format("15:04:05.000")
	}
	return at.Format("2006-01-02 15:04:05.000")
}
