package watch

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
	"legate/internal/consultest"
)

const configPath = "/v1/config/"

func withEntries(cfg *Config, _ *consul.Config) { cfg.Entries = true }

// entriesOf sets the entries of a kind, each with the protocol.
func (a *asking) entriesOf(kind, protocol string, names ...string) {
	list := []any{}
	for _, name := range names {
		list = append(list, map[string]any{"Kind": kind, "Name": name, "Protocol": protocol})
	}
	a.put(configPath+kind, list)
}

func ofKind(kind string) func(question) bool {
	return func(q question) bool { return q.path == configPath+kind }
}

// listed is what was told of service-defaults since it was last asked for.
func (a *asking) listed() (told [][]string) {
	for _, e := range toldOf[EntriesListed](a) {
		names := []string{}
		for _, one := range e.Entries {
			names = append(names, one.Key.Name+"="+one.Protocol)
		}
		if e.Kind == catalog.ServiceDefaults {
			told = append(told, names)
		}
	}
	return told
}

func toldOf[E Event](a *asking) []E {
	synctest.Wait()
	return told[E](a)
}

func TestEachKindOfConfigEntriesHasABlockingQuery(t *testing.T) {
	inTime(t, withEntries, func(t *testing.T, a *asking) {
		if all := toldOf[EntriesListed](a); len(all) != 3 {
			t.Errorf("told at first: %+v, want each kind, though there are none", all)
		}
		a.take(ofKind(catalog.ServiceDefaults))
		a.entriesOf(catalog.ServiceDefaults, "grpc", "web", "db")
		if got := a.listed(); len(got) != 1 || !slices.Equal(got[0], []string{"db=grpc", "web=grpc"}) {
			t.Errorf("told %v", got)
		}
		for n := range 10 {
			a.entriesOf(catalog.ServiceDefaults, "tcp", strings.Repeat("x", n+1))
			synctest.Wait()
		}
		time.Sleep(time.Second)
		if got := a.listed(); len(got) >= 10 || len(got) < burstFirst || got[len(got)-1][0] != "xxxxxxxxxx=tcp" {
			t.Errorf("of ten changes at once %d were told: %v", len(got), got)
		}
		a.take(ofKind(catalog.ServiceDefaults))
		time.Sleep(time.Hour)
		if n := len(a.take(ofKind(catalog.ServiceDefaults))); n < 50 || n > 90 {
			t.Errorf("in an hour without a change it was asked %d times, want about once a minute", n)
		}
		a.RereadEntries(catalog.ServiceDefaults)
		if asked := a.take(ofKind(catalog.ServiceDefaults)); len(asked) != 2 || !asked[0].consistent || asked[1].index == 0 {
			t.Errorf("read again: %+v, want the leader asked, and then waited", asked)
		}
		if got := a.listed(); len(got) != 1 {
			t.Errorf("who has it read again is told %v, want what is listed, though that is nothing new", got)
		}
		if p := a.Standing(); len(p) > 0 {
			t.Errorf("problems: %+v", p)
		}
	})
}

// A shorter list is told as it is: what it lacks is asked for by name before it is believed to be gone. But
// one from a state that it does not claim is asked for again, of the leader.
func TestWhichListsOfConfigEntriesAreBelieved(t *testing.T) {
	for what, c := range map[string]struct {
		r    consul.Reply
		is   content
		want verdict
	}{
		"fewer, newer":            {consul.Reply{Index: 51}, content{1, true}, believe},
		"none, where ACLs hide":   {consul.Reply{Index: 51, DefaultDeny: true, Question: consul.Question{Consistent: true}}, content{0, true}, believe},
		"none, cut":               {consul.Reply{Index: 51, Filtered: true, Question: consul.Question{Consistent: true}}, content{0, true}, believe},
		"less at the same index":  {consul.Reply{Index: 50}, content{1, true}, askLeader},
		"the same, of the leader": {consul.Reply{Index: 50, Question: consul.Question{Consistent: true}}, content{1, true}, believe},
		"an index of 1":           {consul.Reply{Index: 1}, content{0, true}, askLeader},
		"an index that went back": {consul.Reply{Index: 40}, content{4, false}, askLeader},
		"no index":                {consul.Reply{Question: consul.Question{Consistent: true}}, content{4, false}, reject},
	} {
		if v, _ := judgeEntries(previous{index: 50, weight: 4}, c.r, c.is, false); v != c.want {
			t.Errorf("%s: verdict %d, want %d", what, v, c.want)
		}
	}
	first := consul.Reply{Index: 1, Question: consul.Question{Consistent: true}, DefaultDeny: true, Filtered: true}
	if v, _ := judgeEntries(previous{}, first, content{0, true}, false); v != believe {
		t.Errorf("nothing from the start: verdict %d, want that it holds no start up", v)
	}
}

func TestAKindThatIsRefusedIsNoOutage(t *testing.T) {
	inTime(t, withEntries, func(t *testing.T, a *asking) {
		a.entriesOf(catalog.ServiceDefaults, "grpc", "web")
		toldOf[EntriesListed](a)
		a.spoilWith(func(q question) (*http.Response, error) {
			if ofKind(catalog.ServiceDefaults)(q) {
				return consultest.Answer(403, 0, "Forbidden"), nil
			}
			return nil, nil
		})
		time.Sleep(10 * time.Minute)
		refused := toldOf[EntriesRefused](a)
		if len(refused) == 0 || refused[0].Kind != catalog.ServiceDefaults || !a.Status().Connected {
			t.Errorf("told %v, status %+v", refused, a.Status())
		}
		p := a.Standing()
		if len(p) != 1 || p[0].Kind != "hidden_entries" || !strings.Contains(p[0].Detail, "service-defaults") || !strings.Contains(p[0].Remedy, "--consul-config-entries=false") {
			t.Errorf("problems: %+v", p)
		}
		if n := a.log.Count("consul does not tell all config entries"); n != 1 {
			t.Errorf("%d lines", n)
		}
		a.spoilWith(refuse(403)) // all of it: that says nothing of entries
		time.Sleep(10 * time.Minute)
		a.spoilWith(nil)
		time.Sleep(time.Minute)
		if p := a.Standing(); len(p) > 0 || len(a.listed()) > 0 {
			t.Errorf("it is told again, with nothing new: %+v", p)
		}
		if n := a.log.Count("consul tells all its config entries again"); n != 1 {
			t.Errorf("%d lines", n)
		}
	})
}

func TestAConfigEntryIsAskedForByItsName(t *testing.T) {
	inTime(t, withEntries, func(t *testing.T, a *asking) {
		key := catalog.EntryKey{Kind: catalog.ServiceDefaults, Name: "web"}
		for _, c := range []struct {
			answer *http.Response
			found  consul.Found
			fails  bool
		}{
			{consultest.Answer(404, 9, `Config entry not found for "service-defaults" / "web"`), consul.Missing, false},
			{consultest.Answer(403, 0, `Permission denied: token lacks permission 'service:read' on "web"`), consul.Hidden, false},
			{consultest.Answer(500, 0, "No cluster leader"), consul.There, true},
		} {
			a.spoilWith(func(q question) (*http.Response, error) {
				if q.path != configPath+key.String() {
					return nil, nil
				}
				if !q.consistent {
					t.Error("not asked of the leader")
				}
				return c.answer, nil
			})
			a.CheckEntry(context.Background(), key)
			got := toldOf[EntryChecked](a)
			if len(got) != 1 || got[0].Key != key || got[0].Found != c.found || (got[0].Err != nil) != c.fails || got[0].At.IsZero() {
				t.Errorf("told %+v, want %+v", got, c)
			}
		}
		if !a.Status().Connected {
			t.Error("a check that fails is an outage: it is asked again")
		}
	})
}
