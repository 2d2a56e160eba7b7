package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"legate/discovery/catalog"
)

// said are instances that say so under legate-protocol, the oldest first; - says nothing.
func said(words ...string) (all []catalog.Instance) {
	for n, word := range words {
		i := catalog.Instance{ID: fmt.Sprint(9 - n), CreateIndex: uint64(10 + n), Meta: map[string]string{}}
		if word != "-" {
			i.Meta["legate-protocol"] = word
		}
		all = append(all, i)
	}
	slices.SortFunc(all, catalog.Instance.Compare)
	return all
}

func protocolOf(p Policies, s catalog.Service) (string, []Problem) {
	e, problems := p.For(s, "", noEntry)
	return e.Policy().Speaks(), problems
}

func TestWhatMostInstancesSayHolds(t *testing.T) {
	for _, c := range []struct {
		words string
		want  string
		agree bool
	}{
		{"grpc", "grpc", true},
		{"grpc grpc", "grpc", true},
		{"tcp grpc grpc", "grpc", false},
		{"- grpc grpc", "grpc", false},
		{"- - grpc", "http1", false},
		{"tcp grpc", "tcp", false}, // a tie: the older one
		{"- grpc", "http1", false},
		{"grpc -", "grpc", false},
		{"tcp grpc http2 grpc http2", "grpc", false},
	} {
		got, problems := protocolOf(Policies{}, own("web", said(strings.Fields(c.words)...)...))
		if got != c.want || (len(problems) == 0) != c.agree {
			t.Errorf("%s: %s %v, want %s", c.words, got, problems, c.want)
		}
	}
}

// TestARollingDeploymentChangesThePolicyOnce, whatever instance comes next.
func TestARollingDeploymentChangesThePolicyOnce(t *testing.T) {
	words := strings.Fields("- - - - -")
	changes, before := 0, "http1"
	for n := range words {
		words[n] = "grpc"
		now, _ := protocolOf(Policies{}, own("web", said(words...)...))
		if now != before {
			changes++
		}
		before = now
	}
	if changes != 1 || before != "grpc" {
		t.Errorf("%d changes, in the end %s", changes, before)
	}
}

func TestBadMetaHarmsThatFieldAlone(t *testing.T) {
	p := parseOne(t, "owners: [protocol, connect_timeout, lb_policy, slow_start.*, outlier_detection.*]\ndefaults: {connect_timeout: 7s}\n")
	for _, c := range []struct{ key, value, detail, remedy string }{
		{"legate-connect-timeout", "soon", `"soon" is no time span`, "250ms"},
		{"legate-connect-timeout", "2h", "2h is out of bounds", "want 1ms to 1h"},
		{"legate-conect-timeout", "1s", "did you mean \"legate-connect-timeout\"?", "docs/policy.md"},
		{"legate-tls-key-file", "/etc/shadow", "no field is set by this key", "docs/policy.md"},
		{"legate-dns-refresh", "1s", "the operator does not let owners set dns.refresh", "owners"},
		{"legate-lb-policy", "best", `"best" is none of round_robin`, "write one of round_robin"},
	} {
		i := catalog.Instance{ID: "1", Meta: map[string]string{"legate-protocol": "grpc", c.key: c.value}}
		e, problems := p.For(own("web", i), "", noEntry)
		if len(problems) != 1 || !strings.Contains(problems[0].Detail, c.detail) || !strings.Contains(problems[0].Remedy, c.remedy) || problems[0].Source != (Source{Owner, c.key}) {
			t.Errorf("%s: %s: %v", c.key, c.value, problems)
		}
		if got := e.Policy(); got.Speaks() != "grpc" || *got.ConnectTimeout != 7e9 {
			t.Errorf("%s: %s: %s", c.key, c.value, show(e))
		}
	}
}

// TestWhatContradictsIsLeftOutAtItsWeakestSource, so that the stronger one has its way.
func TestWhatContradictsIsLeftOutAtItsWeakestSource(t *testing.T) {
	p := parseOne(t, "defaults: {slow_start: {window: 10s}}\n")
	i := catalog.Instance{Meta: map[string]string{"legate-lb-policy": "maglev"}}
	e, problems := p.For(own("web", i), "", noEntry)
	if e.Policy().SlowStart.Window != nil || *e.Policy().LBPolicy != "maglev" || len(problems) != 1 || problems[0].Source.Kind != Defaults {
		t.Errorf("%s%v", show(e), problems)
	}
	i.Meta["legate-slow-start-window"] = "5s" // both are the owner's: the later field goes
	if e, problems := p.For(own("web", i), "", noEntry); len(problems) != 1 || len(e.Policy().Validate()) != 0 {
		t.Errorf("%s%v", show(e), problems)
	}
}

func TestOwnersCanBeSwitchedOff(t *testing.T) {
	p := parseOne(t, "owners: []\n")
	got, problems := protocolOf(p, own("web", said("grpc")...))
	if got != "http1" || len(problems) != 1 {
		t.Errorf("%s %v", got, problems)
	}
}

func TestRulesMatchServices(t *testing.T) {
	v2 := catalog.Instance{ID: "1", CreateIndex: 2, Tags: []string{"canary", "eu"}, Meta: map[string]string{"version": "v2.1"}, NodeMeta: map[string]string{"rack": "7"}}
	v1 := catalog.Instance{ID: "2", CreateIndex: 1, Meta: map[string]string{"version": "v1"}}
	for _, c := range []struct {
		match string
		want  bool
	}{
		{"names: ['w?b']", true},
		{"names: [api, we*]", true},
		{"names: [api]", false},
		{"ports: [grpc]", false},
		{"tags: [canary]", true},
		{"tags: [canary, us]", false},
		{"meta: {version: v2*}", true},
		{"meta: {version: v1}", false},
		{"meta: {verzion: '*'}", false},
		{"names: [web], tags: [us]", false},
		{`filter: 'Service.Meta.version matches "^v2" and "eu" in Service.Tags and Node.Meta.rack == 7'`, true},
		{`filter: 'Service.Meta.none == "x"'`, false},
		{`filter: 'Checks is empty'`, true},
		{`filter: 'Service.Meta.none != "x" and Service.Service == web'`, true},
	} {
		p := parseOne(t, "services:\n- match: {"+c.match+"}\n  protocol: grpc\n")
		got, _ := protocolOf(p, own("web", v2))
		if (got == "grpc") != c.want {
			t.Errorf("%s: %s", c.match, got)
		}
	}
	p := parseOne(t, "services:\n- {match: {meta: {version: v1}}, protocol: grpc}\n- {match: {ports: [grpc]}, protocol: http2}\n")
	if got, _ := protocolOf(p, own("web", v2, v1)); got != "grpc" { // half of them: the older registration decides
		t.Errorf("half of the instances match, the oldest too: %s", got)
	}
	s := own("web", v2)
	if e, _ := p.For(s, "grpc", noEntry); e.Policy().Speaks() != "http2" {
		t.Errorf("port grpc: %s", show(e))
	}
}

func TestConfigEntriesAreOfTheServicesWithTheirNameInWhateverCase(t *testing.T) {
	var asked []string
	(&Policies{}).For(own("Web"), "", func(k catalog.EntryKey) (catalog.Entry, bool) {
		asked = append(asked, k.String())
		return catalog.Entry{}, false
	})
	if want := "[proxy-defaults/global service-defaults/web service-resolver/web]"; fmt.Sprint(asked) != want {
		t.Errorf("%v, want %s", asked, want)
	}
}
