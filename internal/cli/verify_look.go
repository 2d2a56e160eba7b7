package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"legate/internal/admin"
	"legate/internal/compare"
	"legate/internal/quote"
	"legate/translate"
	"legate/xdsserver"
)

// look is what all sides have at one time.
type look struct {
	faults   []compare.Fault
	compared string   // the sides
	services int      // that Legate serves
	busy     string   // why a difference may take longer than usual; empty: it may not
	notes    []string // what is known beside the differences
}

// look asks all sides, Consul first: what is newer further down is on its way.
func (p *program) look(ctx context.Context, o *verifyOptions) (l look, err error) {
	var consul compare.Side
	if o.withConsul {
		if consul, err = p.lookAtConsul(ctx, o); err != nil {
			return l, err
		}
		l.compared = "Consul, "
	}
	var status admin.Status
	var held admin.Held
	if err := o.admin.call(ctx, "GET", "/api/v1/status", &status); err != nil {
		return l, err
	}
	if err := o.admin.call(ctx, "GET", "/api/v1/holds", &held); err != nil {
		return l, err
	}
	legate, err := o.lookAtLegate(ctx, status, translate.Place{})
	if err != nil {
		return l, err
	}
	l.services = len(legate.Services)
	l.compared += "Legate"
	if o.withConsul {
		l.faults = compare.Faults(legate, consul)
		for i := range l.faults {
			l.faults[i].Note = noteOf(l.faults[i], status, held)
		}
	}
	l.busy = busy(status, held)
	if status.Stale != "" {
		l.notes = append(l.notes, "Legate serves what it knew before: "+status.Stale)
	}
	legate.Services = compare.Told(legate.Services)
	for _, address := range o.envoys {
		if err := l.lookAtEnvoy(ctx, o, address, legate, status); err != nil {
			return l, err
		}
	}
	if n := len(o.envoys); n > 0 {
		l.compared += " and " + plural(n, "Envoy")
	} else {
		l.compared = "Consul and Legate"
	}
	return l, nil
}

// lookAtConsul translates what Consul's leader says now.
func (p *program) lookAtConsul(ctx context.Context, o *verifyOptions) (compare.Side, error) {
	policies, err := loadPolicy(o.policy)
	if err != nil {
		return compare.Side{}, err
	}
	resources, err := p.rendered(ctx, o.renderOptions, policies)
	if err != nil {
		return compare.Side{}, err
	}
	said := served{services: map[string]compare.Service{}}
	for r := range resources.All() {
		if r.Type != translate.ClusterType && r.Type != translate.AssignmentType {
			continue
		}
		if err := said.add(r.Name.Name, func(one *compare.Service) error { return one.Put(r) }); err != nil {
			return compare.Side{}, err
		}
	}
	return compare.Side{Name: "Consul", Verb: "has", Services: said.services}, nil
}

// lookAtLegate asks for what Envoys are served that stand somewhere.
func (o *verifyOptions) lookAtLegate(ctx context.Context, status admin.Status, place translate.Place) (compare.Side, error) {
	side := compare.Side{Name: "Legate", Verb: "serves"}
	i := slices.IndexFunc(status.Views, func(v xdsserver.ViewStatus) bool { return v.View.Kind == xdsserver.Envoy })
	if i < 0 {
		return side, fmt.Errorf("legate at %s serves nothing to Envoys yet: \"legate status\" says what it waits for", o.admin.where())
	}
	var dump struct {
		Resources []struct {
			Type     string          `json:"type"`
			Name     string          `json:"name"`
			Resource json.RawMessage `json:"resource"`
		} `json:"resources"`
	}
	query := url.Values{"view": {status.Views[i].View.String()}}
	if place != (translate.Place{}) {
		query.Set("region", cmp.Or(place.Region, status.Views[i].View.Datacenter)) // as Legate takes it
		query.Set("zone", place.Zone)
	}
	if err := o.admin.call(ctx, "GET", "/debug/config_dump?"+query.Encode(), &dump); err != nil {
		return side, err
	}
	said := served{services: map[string]compare.Service{}}
	for _, r := range dump.Resources {
		var m proto.Message
		switch r.Type {
		case translate.ClusterType:
			m = &clusterv3.Cluster{}
		case translate.AssignmentType:
			m = &endpointv3.ClusterLoadAssignment{}
		default:
			continue
		}
		err := protojson.Unmarshal(r.Resource, m)
		if err == nil {
			err = said.add(r.Name, func(one *compare.Service) error { return one.Add(m) })
		}
		if err != nil {
			return side, fmt.Errorf("legate at %s: its %s is not understood: %w: use the legate of its version", o.admin.where(), quote.Name(r.Name), err)
		}
	}
	side.Services = said.services
	return side, nil
}

// lookAtEnvoy adds what an Envoy has that Legate does not serve, and the other way round.
func (l *look) lookAtEnvoy(ctx context.Context, o *verifyOptions, address string, legate compare.Side, status admin.Status) error {
	config, err := askEnvoy(ctx, address, "/config_dump?include_eds", "--envoy")
	if err != nil {
		return err
	}
	clusters, err := askEnvoy(ctx, address, "/clusters?format=json", "--envoy")
	if err != nil {
		return err
	}
	e, err := compare.EnvoyOf(config, clusters)
	if err != nil {
		return envoyFailed(address, err, "--envoy")
	}
	side := compare.Side{Name: "Envoy " + or(e.Node, address), Verb: "has", Services: compare.Told(e.Services)}
	if e.Place != (translate.Place{}) { // what is near may come first for it
		if legate, err = o.lookAtLegate(ctx, status, e.Place); err != nil {
			return err
		}
		legate.Services = compare.Told(legate.Services)
	}
	legate.Services = e.Wants(legate.Services)
	l.faults = append(l.faults, compare.Faults(side, legate)...)
	for _, name := range e.Unread {
		l.notes = append(l.notes, fmt.Sprintf("%s has cluster %s with content that this program does not know: not compared", side.Name, quote.Name(name)))
	}
	for _, what := range e.Avoided[:min(len(e.Avoided), avoidedShown)] {
		l.notes = append(l.notes, fmt.Sprintf("%s sends nothing to %s; that is for it to decide, and no difference", side.Name, what))
	}
	if more := len(e.Avoided) - avoidedShown; more > 0 {
		l.notes = append(l.notes, fmt.Sprintf("%s sends nothing to %s more for such a reason", side.Name, plural(more, "endpoint")))
	}
	if !connected(e.Node, status) {
		l.notes = append(l.notes, side.Name+" is not connected to this Legate: its log and its control_plane.connected_state say more")
	}
	return nil
}

// avoidedShown is how many endpoints are listed that an Envoy itself does not use.
const avoidedShown = 5

func connected(node string, status admin.Status) bool {
	return slices.ContainsFunc(status.Streams, func(s xdsserver.StreamStatus) bool { return s.Node == node }) ||
		slices.ContainsFunc(status.Pollers, func(p xdsserver.Poller) bool { return p.Node == node })
}

// noteOf says why Legate may be right to differ from Consul for now; empty: it is not.
func noteOf(f compare.Fault, status admin.Status, held admin.Held) string {
	for _, h := range held.Holds {
		if h.Service == f.Service || h.Service == "" {
			return fmt.Sprintf("held: %s, believed %s", h.Why, h.Ends(time.Now()))
		}
	}
	if r := status.Rollout; r != nil && f.Endpoint == nil {
		return fmt.Sprintf("a policy is rolled out: %d of %s have it", r.Changed, plural(r.Total(), "cluster"))
	}
	return ""
}

// busy says what Legate does that takes longer than a change.
func busy(status admin.Status, held admin.Held) string {
	switch {
	case status.Rollout != nil:
		return "Legate rolls out a policy"
	case len(held.Holds) > 0:
		return "Legate holds losses"
	}
	return ""
}
