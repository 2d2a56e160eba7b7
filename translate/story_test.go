package translate

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"golang.org/x/tools/txtar"
	"google.golang.org/protobuf/encoding/protojson"

	"legate/discovery/catalog"
	"legate/translate/policy"
)

var update = flag.Bool("update", false, "write what the stories give into their batches")

// TestStories tells each story of testdata: after each change of the catalog, exactly the batch
// that follows it leaves. A story begins with an empty catalog of datacenter dc1, and with what its
// file "config" says of the Config, if it has one.
func TestStories(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) { tell(t, path) })
	}
}

func tell(t *testing.T, path string) {
	story, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	config, services := testConfig(), catalog.Catalog{}
	if story.Files[0].Name == "config" {
		if err := parse(story.Files[0].Data, &config); err != nil {
			t.Fatal(err)
		}
		story.Files, story.Comment = story.Files[1:], append(story.Comment, append([]byte("-- config --\n"), story.Files[0].Data...)...)
	}
	if len(story.Files) == 0 || len(story.Files)%2 != 0 {
		t.Fatalf("a story is pairs of a change and a batch, not %d files", len(story.Files))
	}
	r, policies := New(config), policy.Policies{}
	for n := 0; n < len(story.Files); n += 2 {
		change, batch := story.Files[n], &story.Files[n+1]
		step := n/2 + 1
		if change.Name != fmt.Sprintf("%d change", step) || batch.Name != fmt.Sprintf("%d batch", step) {
			t.Fatalf("step %d has the files %q and %q", step, change.Name, batch.Name)
		}
		delta, wanted := parseChange(t, change.Data)
		next, problems := r.Apply(delta)
		if wanted != nil {
			policies = *wanted
			next, problems = next.With(policies)
		}
		got := show(t, next.Diff(r), problems)
		if *update {
			batch.Data = got
		} else if !bytes.Equal(got, batch.Data) {
			t.Errorf("step %d gives\n%s\nwant\n%s", step, got, batch.Data)
		}
		r, services = next, services.Apply(delta)
	}
	whole, _ := New(config).Apply(catalog.Catalog{}.Diff(services))
	whole, _ = whole.With(policies)
	requireSame(t, "told in one go", r, whole)
	if *update {
		if err := os.WriteFile(path, txtar.Format(story), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// parse reads YAML into a value, by the names that JSON would have. What the value does not have is an error.
func parse(text []byte, into any) error {
	var value any
	if err := yaml.Unmarshal(text, &value); err != nil {
		return err
	}
	asJSON, err := json.Marshal(value)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(asJSON))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// parseChange reads a change of the catalog, or of the operator's policy file, or both. An instance has
// weight 1 and passes unless it says otherwise.
func parseChange(t *testing.T, data []byte) (catalog.Delta, *policy.Policies) {
	t.Helper()
	var c struct {
		Set map[string][]struct {
			Node, ID, Address, Socket, Health string
			Port                              int
			Weights                           *catalog.Weights
			Locality                          catalog.Locality
			Meta, NodeMeta                    map[string]string
			CreateIndex                       uint64
			Tags                              []string
			Tagged                            map[string]catalog.TaggedAddress
			Ports                             []catalog.Port
		}
		Hosts       map[string]catalog.Host // of all services that the change sets
		Gone        []string
		Entries     []catalog.Entry
		GoneEntries []catalog.EntryKey
		Policy      json.RawMessage
	}
	if err := parse(data, &c); err != nil {
		t.Fatalf("%v in\n%s", err, data)
	}
	states := map[string]catalog.Health{"": catalog.Passing}
	for h := catalog.Passing; h <= catalog.Maintenance; h++ {
		states[h.String()] = h
	}
	var d catalog.Delta
	for _, name := range slices.SortedFunc(maps.Keys(c.Set), func(a, b string) int { return keyOf(a).Compare(keyOf(b)) }) {
		s := catalog.Service{Key: keyOf(name), Hosts: c.Hosts}
		for _, i := range c.Set[name] {
			health, known := states[i.Health]
			if !known {
				t.Fatalf("health %q", i.Health)
			}
			if i.Weights == nil {
				i.Weights = &catalog.Weights{Passing: 1, Warning: 1}
			}
			s.Instances = append(s.Instances, catalog.Instance{
				Node: i.Node, ID: i.ID, Address: i.Address, SocketPath: i.Socket, Port: i.Port, Health: health,
				Weights: *i.Weights, Locality: i.Locality, Meta: i.Meta, NodeMeta: i.NodeMeta, CreateIndex: i.CreateIndex, Tags: i.Tags, Tagged: i.Tagged, Ports: i.Ports,
			})
		}
		if !slices.IsSortedFunc(s.Instances, catalog.Instance.Compare) {
			t.Fatalf("instances of %q must be sorted by node and id, as discovery's are", name)
		}
		d.Set = append(d.Set, s)
	}
	for _, name := range c.Gone {
		d.Gone = append(d.Gone, keyOf(name))
	}
	d.Entries, d.GoneEntries = c.Entries, c.GoneEntries
	if c.Policy == nil {
		return d, nil
	}
	policies, err := policy.Parse([]policy.File{{Name: "policy.yaml", Content: c.Policy}})
	if err != nil {
		t.Fatal(err)
	}
	return d, &policies
}

// keyOf is the key of a service as stories write it: an own one by its name, others with their site, such as
// web@dc2 and web@cluster01.peer.
func keyOf(text string) catalog.ServiceKey {
	name, at, elsewhere := strings.Cut(text, "@")
	if !elsewhere {
		return own(name)
	}
	if peer, is := strings.CutSuffix(at, ".peer"); is {
		return catalog.ServiceKey{Datacenter: "dc1", Peer: peer, Name: name}
	}
	return catalog.ServiceKey{Datacenter: at, Name: name}
}

func own(name string) catalog.ServiceKey {
	return catalog.ServiceKey{Datacenter: "dc1", Name: name}
}

func show(t *testing.T, b Batch, problems []Problem) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, r := range b.Set {
		m, err := Decode(r)
		if err != nil {
			t.Fatal(err)
		}
		asJSON, err := protojson.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var value any
		if err := yaml.Unmarshal(asJSON, &value); err != nil {
			t.Fatal(err)
		}
		var asYAML strings.Builder
		encoder := yaml.NewEncoder(&asYAML)
		encoder.SetIndent(2)
		encoder.CompactSeqIndent()
		if err := errors.Join(encoder.Encode(value), encoder.Close()); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%s:\n", nameOf(r.Name))
		for line := range strings.Lines(asYAML.String()) {
			fmt.Fprintf(&out, "  %s", line)
		}
	}
	for _, n := range b.Gone {
		fmt.Fprintf(&out, "gone: %s\n", nameOf(n))
	}
	for _, p := range problems {
		fmt.Fprintf(&out, "problem: %s %s (%s)\n  %s\n  Remedy: %s.\n", p.Service, p.Instance, p.Reason, p.Detail, p.Remedy)
	}
	if out.Len() == 0 {
		out.WriteString("nothing\n")
	}
	return out.Bytes()
}

func nameOf(n Name) string {
	return map[string]string{ClusterType: "cluster ", AssignmentType: "assignment ", SecretType: "secret "}[n.Type] + n.Name
}
