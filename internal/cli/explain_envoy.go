package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"legate/internal/envoycheck"
	"legate/internal/quote"
)

// betweenLooks is the time in which an Envoy's counts must rise for something to happen just now.
const betweenLooks = time.Second

// askedEnvoy is what an Envoy says of its requests to a service.
type askedEnvoy struct {
	Address  string               `json:"address"` // of its admin page
	Node     string               `json:"node"`
	Requests uint64               `json:"requests"` // that it sent to endpoints which it has now
	Failed   uint64               `json:"failed"`   // of these
	Troubles []envoycheck.Trouble `json:"troubles"`
}

// fails reports whether requests of the Envoy fail.
func (e askedEnvoy) fails() bool {
	return slices.ContainsFunc(e.Troubles, func(t envoycheck.Trouble) bool { return t.Severity == envoycheck.Error })
}

// traffic asks each Envoy twice for its requests to a cluster.
func (o *explainOptions) traffic(ctx context.Context, cluster string) (all []askedEnvoy, err error) {
	if len(o.envoys) == 0 {
		return nil, nil
	}
	earlier, err := trafficOf(ctx, o.envoys, cluster)
	if err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(betweenLooks):
	}
	now, err := trafficOf(ctx, o.envoys, cluster)
	if err != nil {
		return nil, err
	}
	for i, address := range o.envoys {
		one := askedEnvoy{Address: address, Troubles: now[i].Troubles(earlier[i])}
		one.Requests, one.Failed = now[i].Requests()
		if one.Node, err = nodeOf(ctx, address); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// trafficOf asks each Envoy once.
func trafficOf(ctx context.Context, envoys []string, cluster string) (all []envoycheck.Traffic, err error) {
	for _, address := range envoys {
		text, err := askEnvoy(ctx, address, "/clusters?format=json", "--envoy")
		if err != nil {
			return nil, err
		}
		t, err := envoycheck.TrafficOf(cluster, text)
		if err == nil && t.Known {
			if text, err = askEnvoy(ctx, address, "/stats?format=json&type=Counters&filter="+url.QueryEscape(t.StatsFilter()), "--envoy"); err != nil {
				return nil, err
			}
			err = t.Count(text)
		}
		if err != nil {
			return nil, envoyFailed(address, err, "--envoy")
		}
		all = append(all, t)
	}
	return all, nil
}

// nodeOf asks an Envoy for the id of its node.
func nodeOf(ctx context.Context, address string) (string, error) {
	text, err := askEnvoy(ctx, address, "/server_info", "--envoy")
	if err != nil {
		return "", err
	}
	var said struct {
		Node struct {
			ID string `json:"id"`
		} `json:"node"`
	}
	if err := json.Unmarshal(text, &said); err != nil {
		return "", envoyFailed(address, err, "--envoy")
	}
	return said.Node.ID, nil
}

// envoys tells what the Envoys say that were asked.
func (e *explainer) envoys() {
	for _, one := range e.Envoys {
		e.b.WriteString("\n")
		e.line(0, "", fmt.Sprintf("envoy %s at %s", quote.Name(or(one.Node, "(no id)")), quote.Name(one.Address)))
		if len(one.Troubles) == 0 {
			e.line(2, "", fmt.Sprintf("nothing fails: of %d requests that it sent to these endpoints failed %d", one.Requests, one.Failed))
		}
		for _, t := range one.Troubles {
			colour := map[envoycheck.Severity]string{envoycheck.Error: red, envoycheck.Warning: yellow}[t.Severity]
			e.line(2, colour, e.instanceAt(t.Where)+": "+t.Detail)
			if said := e.saidOf(t.Policy); said != "" {
				e.line(4, "", "policy: "+said)
			}
			e.line(4, "", "remedy: "+t.Remedy)
		}
	}
}

// instanceAt adds to an endpoint's address whose it is.
func (e *explainer) instanceAt(address string) string {
	for _, i := range e.Instances {
		for _, one := range i.Endpoints {
			if one.Address == address {
				return fmt.Sprintf("%s/%s at %s", quote.Name(i.Node), quote.Name(i.ID), address)
			}
		}
	}
	return address
}

// saidOf says who set these fields of the policy, or parts of them.
func (e *explainer) saidOf(fields []string) string {
	var said []string
	if e.Policy == nil {
		return ""
	}
	for _, f := range e.Policy.Fields {
		if slices.ContainsFunc(fields, func(name string) bool { return f.Field == name || strings.HasPrefix(f.Field, name+".") }) {
			said = append(said, fmt.Sprintf("%s %s (%s)", f.Field, valueOf(string(f.Value)), f.Source))
		}
	}
	return strings.Join(said, ", ")
}
