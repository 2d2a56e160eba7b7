package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// nodes is the number of nodes over which the instances are spread.
const nodes = 50

// writer changes Consul's catalog.
type writer struct {
	url    string
	client *http.Client
}

func newWriter(url string) *writer {
	return &writer{url: url, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}}}
}

func serviceName(n int) string { return fmt.Sprintf("svc-%05d", n) }

// instance is an instance to be registered. A zero Weight is 1, an empty Status is passing.
type instance struct {
	service int
	n       int
	status  string
	output  string
	weight  int
}

func (i instance) id() string   { return serviceName(i.service) + "-" + strconv.Itoa(i.n) }
func (i instance) node() string { return "node-" + strconv.Itoa((i.service*7+i.n)%nodes) }

func (i instance) agentService() map[string]any {
	return map[string]any{
		"ID": i.id(), "Service": serviceName(i.service), "Address": fmt.Sprintf("10.%d.%d.%d", i.service>>8&255, i.service&255, i.n+1), "Port": 8080,
		"Weights": map[string]int{"Passing": max(i.weight, 1), "Warning": 1},
	}
}

func (i instance) check() map[string]any {
	status := i.status
	if status == "" {
		status = "passing"
	}
	return map[string]any{"Node": i.node(), "CheckID": "check:" + i.id(), "Name": "check", "ServiceID": i.id(), "Status": status, "Output": i.output}
}

// set registers or changes an instance.
func (w *writer) set(ctx context.Context, i instance) error {
	return w.put(ctx, "/v1/catalog/register", map[string]any{
		"Node": i.node(), "Address": "10.255.0.1", "SkipNodeUpdate": true, "Service": i.agentService(), "Check": i.check(),
	})
}

// batch is the number of instances in one transaction: Consul allows 128 operations.
const batch = 60

// fill registers all instances.
func (w *writer) fill(ctx context.Context, services, each int) error {
	for n := range nodes {
		err := w.put(ctx, "/v1/catalog/register", map[string]any{"Node": "node-" + strconv.Itoa(n), "Address": "10.255.0." + strconv.Itoa(n+1)})
		if err != nil {
			return err
		}
	}
	var ops []any
	flush := func() error {
		if len(ops) == 0 {
			return nil
		}
		err := w.put(ctx, "/v1/txn", ops)
		ops = ops[:0]
		return err
	}
	for s := range services {
		for n := range each {
			i := instance{service: s, n: n}
			ops = append(ops,
				map[string]any{"Service": map[string]any{"Verb": "set", "Node": i.node(), "Service": i.agentService()}},
				map[string]any{"Check": map[string]any{"Verb": "set", "Check": i.check()}})
			if len(ops) >= 2*batch {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	return flush()
}

func (w *writer) put(ctx context.Context, path string, body any) error {
	content, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, w.url+path, bytes.NewReader(content))
	if err != nil {
		return err
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("put %q: %s: %s", path, resp.Status, answer)
	}
	return nil
}
