package xdsserver

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"

	"legate/internal/xdstest"
	"legate/translate"
)

// Clients come and go, ask for this and that, answer late or never, and reject; Consul's services come, go
// and change. Each client gets response for response what the model says, and nothing else.
func TestEveryResponseIsTheOneThatTheModelSays(t *testing.T) {
	for seed := range uint64(10) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPlay(t, seed)
				for range 500 {
					p.step()
				}
				p.end()
			})
		})
	}
}

// play is a server, its model, and clients that do something at random.
type play struct {
	*stage
	random    *rand.Rand
	consul    modelled
	published time.Time
	forgets   bool // the server forgets changes as early as it can
	clients   []*modelClient
	versions  map[string]string // of what is served, by type and contents; and back
	opened    int
}

var modelNames = []string{"a", "b", "c", "d", "e", "f"}

// strange are names that Consul never has. No assignment can have the last one.
var strange = []string{"ghost", "shade", ""}

func newPlay(t *testing.T, seed uint64) *play {
	p := &play{
		stage:    bubbled(t, func(c *Config) { c.Limits.NewStreamsBurst = 10_000 }),
		random:   rand.New(rand.NewPCG(seed, 7)),
		consul:   modelled{},
		forgets:  seed%2 == 1,
		versions: map[string]string{},
	}
	p.publish()
	if p.forgets {
		for _, table := range p.stores[own].tables {
			table.logLimit = 2
		}
	}
	return p
}

func (p *play) chance(percent int) bool { return p.random.IntN(100) < percent }

// some are a few of the names.
func (p *play) some(names []string, most int) []string {
	names = slices.Clone(names)
	p.random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	return names[:p.random.IntN(min(len(names), most)+1)]
}

func (p *play) step() {
	switch n := p.random.IntN(100); {
	case n < 45:
		p.publish()
	case n < 55 && len(p.clients) < 6:
		p.enter()
	case n < 58 && len(p.clients) > 0:
		i := p.random.IntN(len(p.clients))
		p.clients[i].Close()
		p.clients = slices.Delete(p.clients, i, i+1)
		synctest.Wait()
	case n < 80 && len(p.clients) > 0:
		p.clients[p.random.IntN(len(p.clients))].ask()
	case len(p.clients) > 0:
		p.clients[p.random.IntN(len(p.clients))].answerOne()
	}
	p.look()
	for _, c := range p.clients {
		for !c.lazy && c.answerOne() {
			p.look()
		}
	}
}

// publish is a batch of a few changes. What was there may come again just as it was.
func (p *play) publish() {
	var batch translate.Batch
	for _, name := range p.some(modelNames, 2) {
		for _, typeURL := range p.some([]string{cds, eds}, 2) {
			n := translate.Name{Type: typeURL, Name: name}
			_, has := p.consul[n]
			switch mark := 1 + p.random.IntN(4); {
			case p.chance(30):
				batch.Gone = append(batch.Gone, n)
				delete(p.consul, n)
				if !has {
					continue // and nobody hears of it
				}
			case typeURL == cds:
				batch.Set = append(batch.Set, cluster(name, mark))
				p.consul.put(n, mark)
			default:
				batch.Set = append(batch.Set, assignment(name, mark))
				p.consul.put(n, mark)
			}
			for _, c := range p.clients {
				c.turn = c.types[typeURL].change(name) || c.turn
			}
		}
	}
	p.Publish(own, batch)
	p.published = time.Now()
	synctest.Wait()
	if !p.forgets {
		return
	}
	p.look()
	for _, c := range p.clients { // so that nobody falls behind what the server remembers
		for typeURL, t := range c.types {
			if t.begun {
				c.request(typeURL, asks{names: c.asked[typeURL]})
			}
		}
	}
}

// look compares what everybody was sent with what the model says.
func (p *play) look() {
	p.t.Helper()
	for _, c := range p.clients {
		c.look()
	}
	if v := p.Views()[0]; !v.Published.Equal(p.published) {
		p.t.Fatalf("published at %v, was at %v", v.Published, p.published)
	}
	for _, typeURL := range []string{cds, eds} {
		if got, want := p.stores[own].sizes()[typeURL], len(p.consul.names(typeURL)); got != want {
			p.t.Fatalf("%d resources of %s, want %d", got, typeURL, want)
		}
	}
	asking := slices.DeleteFunc(slices.Clone(p.clients), func(c *modelClient) bool { return !c.types[cds].begun && !c.types[eds].begun })
	for _, name := range slices.Concat(modelNames, strange) {
		want := len(asking) == 0 || slices.ContainsFunc(asking, func(c *modelClient) bool { return c.types[eds].wants(name) || c.types[cds].named[name] })
		if got := p.Wanted(name); got != want {
			p.t.Fatalf("%q is wanted: %v, should be %v", name, got, want)
		}
	}
}

// end has everybody leave: nothing of them is left.
func (p *play) end() {
	for _, c := range p.clients {
		c.Close()
	}
	synctest.Wait()
	for _, t := range p.stores[own].tables {
		for _, e := range t.entries {
			if !e.named.empty() {
				p.t.Errorf("%q is still named", e.name)
			}
			if e.res == nil && !slices.ContainsFunc(t.log, func(c change) bool { return c.entry == e }) {
				p.t.Errorf("%q is kept", e.name)
			}
		}
		if len(t.log) >= 2*t.logLimit {
			p.t.Errorf("the log has %d changes", len(t.log))
		}
		if !t.wild.empty() || t.missing > 0 || slices.ContainsFunc(t.inVain, func(l inVain) bool { return l.entries != nil }) {
			p.t.Errorf("wildcards %b, %d in vain, lists %v", t.wild, t.missing, t.inVain)
		}
	}
	if n := p.Views()[0].Streams; n != 0 {
		p.t.Errorf("%d streams are left", n)
	}
}

// modelClient is a client and what the model says of it.
type modelClient struct {
	*xdstest.Client
	play     *play
	delta    bool
	lazy     bool // it answers now and then
	contrary bool // it rejects some of what it gets
	turn     bool // something has happened for it
	node     string
	types    map[string]*modelType
	asked    map[string][]string // state of the world: the names of the last request
	nonces   map[string][]string // of what it was sent, by type
	open     []openResponse
}

// openResponse is one that is not answered yet.
type openResponse struct {
	typeURL string
	modelDelivery
	consul modelled // as it was then
}

func (p *play) enter() {
	protocol := []xdstest.Protocol{xdstest.SotW, xdstest.Delta}[p.random.IntN(2)]
	p.opened++
	p.clients = append(p.clients, &modelClient{
		Client:   p.tube(protocol, ""), // its requests name the node
		node:     fmt.Sprint("edge-", p.opened),
		play:     p,
		delta:    protocol == xdstest.Delta,
		lazy:     !p.forgets && p.chance(30),
		contrary: p.chance(50),
		types:    newModelStream(p.consul, protocol),
		asked:    map[string][]string{},
		nonces:   map[string][]string{},
	})
}

// ask is a request for other names, or for the same again. It may answer something besides.
func (c *modelClient) ask() {
	p := c.play
	typeURL := []string{cds, eds}[p.random.IntN(2)]
	a := asks{names: p.some(slices.Concat(modelNames, strange), 4)}
	if p.chance(20) {
		a.names = append(a.names, wildcard)
	}
	if p.chance(20) {
		a.names = append(a.names, p.some(a.names, 2)...) // which says nothing more
	}
	if c.delta {
		a.dropped = p.some(slices.Concat(modelNames, strange), 3)
		if p.chance(20) {
			a.dropped = append(a.dropped, wildcard)
		}
		switch p.random.IntN(4) {
		case 0:
			a.names = nil
		case 1:
			a.dropped = nil
		}
		if p.chance(50) {
			a.have = map[string]string{}
			for _, name := range p.some(slices.Concat(modelNames, strange[:2]), 9) {
				if content := c.types[typeURL].content(name); content != "" && p.chance(60) {
					a.have[name] = content
				} else {
					a.have[name] = fmt.Sprint(1 + p.random.IntN(4))
				}
			}
		}
	}
	if n := len(c.nonces[typeURL]); n > 0 && p.chance(50) {
		a.number = n
	}
	c.request(typeURL, a)
}

func (c *modelClient) request(typeURL string, a asks) {
	if !c.delta {
		c.asked[typeURL] = a.names
	}
	var nonce string
	if a.number > 0 {
		nonce = c.nonces[typeURL][a.number-1]
		c.open = slices.DeleteFunc(c.open, func(o openResponse) bool { return o.typeURL == typeURL && o.number <= a.number })
	}
	var detail *rpcstatus.Status
	if a.rejects {
		detail = &rpcstatus.Status{Message: "no"}
	}
	node := &corev3.Node{Id: c.node, UserAgentName: "envoy"} // with one stream
	if c.delta {
		c.Request(&discoveryv3.DeltaDiscoveryRequest{
			Node: node, TypeUrl: typeURL, ResponseNonce: nonce, ErrorDetail: detail,
			ResourceNamesSubscribe: a.names, ResourceNamesUnsubscribe: a.dropped, InitialResourceVersions: versionsOf(a.have),
		})
	} else {
		c.Request(&discoveryv3.DiscoveryRequest{Node: node, TypeUrl: typeURL, ResponseNonce: nonce, ErrorDetail: detail, ResourceNames: a.names})
	}
	c.types[typeURL].request(a)
	c.turn = true
	synctest.Wait()
}

// versionsOf are the versions that contents have.
func versionsOf(contents map[string]string) map[string]string {
	versions := map[string]string{}
	for name, content := range contents {
		versions[name] = versionOf(name, content)
	}
	return versions
}

func versionOf(name, content string) string {
	if content != "empty" {
		return "v" + content
	}
	r, err := translate.EmptyAssignment(name)
	return cmp.Or(r.Version, fmt.Sprint(err))
}

// answerOne answers the oldest response of all, or one after it, and reports whether there was one.
func (c *modelClient) answerOne() bool {
	if len(c.open) == 0 {
		return false
	}
	o := c.open[min(len(c.open)-1, max(0, c.play.random.IntN(6)-4))]
	t := c.types[o.typeURL]
	a := asks{number: o.number, rejects: c.contrary && c.play.chance(30), names: c.asked[o.typeURL]}
	if t.probed > fastProbes-10 || (o.everything && !maps.Equal(o.consul, c.play.consul)) {
		// Later probes take their time. And which names were in a response that had all that there
		// was is not kept: those that are gone are not looked for.
		a.rejects = false
	}
	c.request(o.typeURL, a)
	return true
}

// look compares what the client was sent with what the model says.
func (c *modelClient) look() {
	c.play.t.Helper()
	for _, typeURL := range []string{cds, eds} {
		t := c.types[typeURL]
		if !c.turn {
			continue
		}
		for _, want := range t.due() {
			r := c.Poll(time.Nanosecond)
			if r == nil || r.Type != typeURL || r.String() != want.text {
				c.play.t.Fatalf("got %v, want %s [%s]; it wants %v, wildcard %v", r, typeURL, want.text, t.named.sorted(), t.wild)
			}
			c.play.checkVersions(r)
			c.nonces[typeURL] = append(c.nonces[typeURL], r.Nonce)
			c.open = append(c.open, openResponse{typeURL, want, maps.Clone(c.play.consul)})
		}
	}
	c.turn = false
	if r := c.Poll(time.Nanosecond); r != nil {
		c.play.t.Fatalf("nothing was due, got %s [%s]", r.Type, r)
	}
}

// checkVersions: a resource's version is its content's, and the response's is that of all there is.
func (p *play) checkVersions(r *xdstest.Response) {
	p.t.Helper()
	for _, m := range r.Marks() {
		if got := r.Versions[m.Name]; r.Versions != nil && got != versionOf(m.Name, m.Mark) {
			p.t.Fatalf("%s@%s has version %q", m.Name, m.Mark, got)
		}
	}
	contents := []string{r.Type}
	for _, name := range p.consul.names(r.Type) {
		contents = append(contents, fmt.Sprint(name, "@", p.consul[translate.Name{Type: r.Type, Name: name}].mark))
	}
	all := strings.Join(contents, " ")
	for from, to := range map[string]string{all: r.Version, r.Type + " " + r.Version: all} {
		if before, known := p.versions[from]; known && before != to {
			p.t.Fatalf("%q was %q, and is %q", from, before, to)
		}
		p.versions[from] = to
	}
}
