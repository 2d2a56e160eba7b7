package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"legate/internal/compare"
	"legate/internal/quote"
	"legate/internal/xdsclient"
	"legate/translate"
)

// sight shows what a client is told: as text, or an object a line.
type sight struct {
	out    io.Writer
	client *xdsclient.Client
	o      *watchOptions
	colour bool
	synced bool
	since  since
	ctx    context.Context // of the questions to Legate
}

func newSight(ctx context.Context, out io.Writer, client *xdsclient.Client, o *watchOptions, colour bool) *sight {
	near := isNear(o.address) || o.admin.socket != "" || isNear(o.admin.address)
	return &sight{out: out, client: client, o: o, colour: colour && !o.json, since: since{admin: o.admin, near: near}, ctx: ctx}
}

// show shows one event. Its lines are written at once, so that none is cut.
func (s *sight) show(e xdsclient.Event) error {
	var b bytes.Buffer
	err := s.write(&b, e)
	if _, failed := s.out.Write(b.Bytes()); failed != nil {
		return fmt.Errorf("write: %w", failed)
	}
	return err
}

func (s *sight) write(b *bytes.Buffer, e xdsclient.Event) error {
	now := time.Now()
	at := func(event string) stamp { return stamp{now, event} }
	timed := func(text string) string { return now.Format("15:04:05.000") + "  " + text }
	switch e := e.(type) {
	case xdsclient.Connected:
		if e.Again && !s.o.once {
			s.line(b, connectedLine{at("connected"), true}, timed("connected again: what has changed meanwhile follows"))
		}
	case xdsclient.Lost:
		if !s.o.once {
			cause := causeOf(e.Cause)
			s.line(b, lostLine{at("lost"), cause, e.Retry.Seconds()},
				timed(fmt.Sprintf("not connected to %s: %s: trying again in %v", s.o.address, cause, e.Retry.Round(10*time.Millisecond))))
		}
	case xdsclient.Synced:
		return s.writeAll(b, at, timed, e.Missing)
	case xdsclient.Changed:
		if !s.synced { // it is all told when everything is there
			return nil
		}
		for _, c := range e {
			before, after, err := statesOf(c)
			if err != nil {
				return err
			}
			var took time.Duration
			words := ""
			if len(e) <= maxSince {
				took, words = s.since.of(s.ctx, c, now)
			}
			for _, one := range compare.Changes(c.Name, before, after) {
				s.line(b, changeLine{at("change"), one, took.Seconds()}, timed(paint(s.colour, one.Sign, one.String())+words))
				words = "" // one line says it
			}
		}
	}
	return nil
}

// writeAll writes everything that the client has.
func (s *sight) writeAll(b *bytes.Buffer, at func(string) stamp, timed func(string) string, missing []string) error {
	s.synced = true
	services, endpoints := 0, 0
	for name, state := range s.client.All() {
		service, err := serviceOf(name, state)
		if err != nil {
			return err
		}
		if service.Cluster == nil {
			continue // a name that is missing
		}
		all := service.Endpoints()
		services, endpoints = services+1, endpoints+len(all)
		s.line(b, serviceLine{at("service"), name, service.Words(), append([]compare.Endpoint{}, all...)}, quote.Name(name)+": "+service.Words())
		if s.o.json {
			continue
		}
		table := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
		for _, e := range all {
			fmt.Fprintf(table, "  %s\t%s\t%s\n", quote.Text(e.Address, quote.NameBytes), e.Health, e.Words())
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	if !s.o.json {
		for _, name := range missing {
			fmt.Fprintf(b, "%s: not served: Consul has no service of this name, or it is left out\n", quote.Name(name))
		}
	}
	s.line(b, syncedLine{at("synced"), services, endpoints, missing},
		timed(fmt.Sprintf("%s, %s: that is what node %s gets", plural(services, "service"), plural(endpoints, "endpoint"), quote.Name(s.o.node))))
	switch {
	case s.o.once && len(missing) > 0:
		return fmt.Errorf("%s not served: %s: see \"legate render\" for what is left out, and why", plural(len(missing), "service"), quote.Text(strings.Join(missing, ", "), quote.TextBytes))
	case s.o.once:
		return errSeen
	}
	return nil
}

// The lines of --json. Each has the time and the kind of the event.
type (
	stamp struct {
		Time  time.Time `json:"time"`
		Event string    `json:"event"`
	}
	connectedLine struct {
		stamp
		Again bool `json:"again"`
	}
	lostLine struct {
		stamp
		Cause string  `json:"cause"`
		Retry float64 `json:"retry_seconds"`
	}
	serviceLine struct {
		stamp
		Service   string             `json:"service"`
		Cluster   string             `json:"cluster"`
		Endpoints []compare.Endpoint `json:"endpoints"`
	}
	syncedLine struct {
		stamp
		Services  int      `json:"services"`
		Endpoints int      `json:"endpoints"`
		Missing   []string `json:"missing,omitempty"`
	}
	changeLine struct {
		stamp
		compare.Change
		Took float64 `json:"consul_seconds,omitempty"` // after Consul's answer
	}
)

// line writes an event as an object or, with --json off, as text.
func (s *sight) line(b *bytes.Buffer, object any, text string) {
	if !s.o.json {
		b.WriteString(text + "\n")
		return
	}
	writeObject(b, object)
}

// paint colours a line by its sign: https://en.wikipedia.org/wiki/ANSI_escape_code#Colors
func paint(on bool, sign compare.Sign, line string) string {
	colour := map[compare.Sign]string{compare.Added: "32", compare.Removed: "31", compare.Changed: "33"}[sign]
	if !on || colour == "" {
		return line
	}
	return "\x1b[" + colour + "m" + line + "\x1b[0m"
}

func statesOf(c xdsclient.Change) (before, after compare.Service, err error) {
	if before, err = serviceOf(c.Name, c.Before); err != nil {
		return before, after, err
	}
	after, err = serviceOf(c.Name, c.After)
	return before, after, err
}

// serviceOf decodes what a client holds under a name.
func serviceOf(name string, s xdsclient.State) (out compare.Service, err error) {
	for _, r := range []translate.Resource{
		{Name: translate.Name{Type: translate.ClusterType, Name: name}, Value: s.Cluster},
		{Name: translate.Name{Type: translate.AssignmentType, Name: name}, Value: s.Assignment},
	} {
		if err := out.Put(r); err != nil {
			return out, err
		}
	}
	return out, nil
}
