package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/grpc/status"

	"legate/internal/quote"
	"legate/internal/xdsclient"
)

// watchOptions are the options of "legate watch".
type watchOptions struct {
	config     string
	address    string
	node       string
	cluster    string
	services   []string
	once, json bool
	timeout    time.Duration
	tls        clientTLS
	admin      adminClient
}

// watchAgent is the user agent by which a server tells it from an Envoy.
const watchAgent = "legate-watch"

func (p *program) watch() *command {
	o := &watchOptions{address: grpcAddress, node: watchAgent + "/" + hostname(), cluster: watchAgent, timeout: 15 * time.Second}
	const category = "Flags"
	c := &command{
		name:  "watch",
		usage: "show what an Envoy gets from a running Legate, and then each change, live",
		about: `
It is a client of Legate's xDS listener, as an Envoy is: it counts under all limits, and is
shown among the clients by its node. It accepts all that it is sent. First it prints each
cluster, its policy in a few words, and its endpoints; then a line for each change:
+ has come, - has gone, ~ has changed. With names of services it asks for those only.
A line ends with how long after Consul's answer it came, if Legate's admin listener can be
asked for that (--admin-addr).
If the connection is lost it connects again, and prints what has changed meanwhile.`,
		examples: `
# all services, as an Envoy beside this Legate gets them
legate watch

# two services, for as long as a deployment takes
legate watch web api

# once, for a script: exit code 0 if everything has come
legate watch --once --json web | jq -r 'select(.event == "service").endpoints[].address'

# over TLS, or a unix socket
legate watch --xds-address legate-1.internal:18000 --ca-file ca.pem --cert-file me.pem --key-file me.key
legate watch --xds-address unix:///run/legate/xds.sock`,
		operand: operand{"[SERVICE…]", 0, 1000, func(words []string) { o.services = words }},
		settings: []*setting{
			text(&o.address, setting{
				name: "xds-address", env: "LEGATE_WATCH_XDS_ADDRESS", key: "watch.xds_address", category: category, hint: anAddress,
				usage: "Address of Legate: that of --xds-listen of \"legate serve\".",
			}),
			shown(text(&o.node, setting{
				name: "node-id", env: "LEGATE_WATCH_NODE_ID", key: "watch.node_id", category: category, hint: "NAME",
				usage: "Name under which Legate sees this client.",
			}), watchAgent+"/ and the host's name"),
			text(&o.cluster, setting{
				name: "node-cluster", env: "LEGATE_WATCH_NODE_CLUSTER", key: "watch.node_cluster", category: category, hint: "NAME",
				usage: "Name of the group of Envoys that this client belongs to.",
			}),
			boolean(&o.once, setting{
				name: "once", env: "LEGATE_WATCH_ONCE", category: category,
				usage: "Print what there is and end: with exit code 0 if everything has come, and 1 if not, or if one of the named services is not served.",
			}),
			duration(&o.timeout, 100*time.Millisecond, time.Hour, setting{
				name: "timeout", env: "LEGATE_WATCH_TIMEOUT", key: "watch.timeout", category: category, hint: "SPAN",
				usage: "Time limit of --once.",
			}),
			boolean(&o.json, setting{
				name: "json", env: "LEGATE_WATCH_JSON", category: category,
				usage: "Print an object a line: event is connected, service, synced, change or lost.",
			}),
		},
		run: func(ctx context.Context) error { return p.runWatch(ctx, o) },
	}
	c.settings = append(c.settings, o.admin.settings()...)
	c.settings = append(append(c.settings, o.tls.settings("LEGATE_WATCH", "watch")...), configSetting(&o.config))
	return c
}

// errSeen ends a watch that has seen all that it was to see.
var errSeen = errors.New("seen")

func (p *program) runWatch(ctx context.Context, o *watchOptions) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	config, err := o.client()
	if err != nil {
		return usageError{err}
	}
	if o.once { // a deadline would be told to the server, which may end the stream first
		var end context.CancelCauseFunc
		ctx, end = context.WithCancelCause(ctx)
		defer end(nil)
		defer time.AfterFunc(o.timeout, func() { end(context.DeadlineExceeded) }).Stop()
	}
	client := xdsclient.New(config)
	live := terminal(p.out) && p.getenv("TERM") != "dumb"
	seen := newSight(ctx, p.out, client, o, live && p.getenv("NO_COLOR") == "") // https://no-color.org
	var lost error
	err = client.Run(ctx, func(e xdsclient.Event) error {
		if l, is := e.(xdsclient.Lost); is {
			lost = l.Cause
		}
		return seen.show(e)
	})
	switch {
	case errors.Is(err, errSeen):
		return nil
	case o.once && errors.Is(err, context.Canceled) && errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		why := "the answer is not complete"
		if lost != nil {
			why = causeOf(lost)
		}
		return fmt.Errorf("ask legate at %s: %s after %v (--timeout): does it run there, and is it ready? See --xds-address", config.Address, why, o.timeout)
	case errors.Is(err, context.Canceled):
		return nil // somebody has seen enough
	}
	return err
}

// client checks the options and turns them into the client's.
func (o *watchOptions) client() (xdsclient.Config, error) {
	config := xdsclient.DefaultConfig()
	at, err := parseAddresses([]string{o.address})
	if err != nil {
		return config, err
	}
	if o.node == "" || o.cluster == "" {
		return config, errors.New("--node-id and --node-cluster must not be empty: Legate knows its clients by them")
	}
	if slices.Contains(o.services, "") || slices.Contains(o.services, "*") {
		return config, errors.New(`"*": name services, or none for all`)
	}
	if config.TLS, err = o.tls.config(at[0]); err != nil {
		return config, err
	}
	config.Address = at[0].String()
	config.Node = &corev3.Node{
		Id: o.node, Cluster: o.cluster, UserAgentName: watchAgent,
		UserAgentVersionType: &corev3.Node_UserAgentVersion{UserAgentVersion: readBuild().Version},
	}
	slices.Sort(o.services)
	config.Names = slices.Compact(o.services)
	return config, nil
}

// causeOf is why a stream has ended, for people.
func causeOf(err error) string {
	text := err.Error()
	if s, is := status.FromError(err); is {
		text = s.Message()
	}
	text = strings.TrimSuffix(strings.TrimPrefix(text, `connection error: desc = "transport: Error while dialing: `), `"`)
	return quote.Text(text, quote.TextBytes)
}
