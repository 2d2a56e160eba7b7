package compare

import (
	"slices"
	"strings"
	"testing"
)

func sides(t *testing.T, want, has Service) (side, against Side) {
	t.Helper()
	some := func(s Service) map[string]Service {
		if s == (Service{}) {
			return nil
		}
		return map[string]Service{"web": s}
	}
	return Side{"Envoy edge-1", "has", some(has)}, Side{"Legate", "serves", some(want)}
}

func TestEachFaultNamesTheSideThatIsWrong(t *testing.T) {
	seven, nine := at("10.0.0.7", ""), at("10.0.0.9", "")
	of := func(endpoints ...string) Service { return service(t, eds, groups(in("eu", "", "", endpoints...))) }
	for _, c := range []struct {
		name      string
		want, has Service
		lines     []string
	}{
		{"equal", of(seven), of(seven), nil},
		{"it lacks an endpoint", of(seven, nine), of(nine), []string{"Envoy edge-1 lacks web 10.0.0.7:80, which Legate serves"}},
		{"it has one that is gone", of(seven), of(seven, nine), []string{"Envoy edge-1 still has web 10.0.0.9:80, which Legate does not serve"}},
		{"it has other values", of(seven), of(at("10.0.0.7", `, "load_balancing_weight": 3, "health_status": "UNHEALTHY"`)), []string{"Envoy edge-1 has web 10.0.0.7:80 with health unhealthy, weight 3, which Legate serves with health unknown, weight 1"}},
		{"it lacks all", of(seven), Service{}, []string{"Envoy edge-1 lacks web 10.0.0.7:80, which Legate serves", "Envoy edge-1 lacks cluster web, which Legate serves"}},
		{"it has what is gone", Service{}, of(), []string{"Envoy edge-1 still has cluster web, which Legate does not serve"}},
		{"another policy", of(), service(t, slower, groups(in("eu", "", ""))), []string{"Envoy edge-1 has cluster web with connect_timeout 2s, which Legate serves with connect_timeout 1s"}},
		{"the endpoints' policy", of(seven), service(t, eds, strings.Replace(groups(in("eu", "", "", seven)), "{", `{"policy": {"overprovisioning_factor": 300}, `, 1)), []string{`Envoy edge-1 has the endpoints of web with policy {"overprovisioning_factor":300}, which Legate serves with policy unset`}},
	} {
		var got []string
		for _, f := range Faults(sides(t, c.want, c.has)) {
			got = append(got, f.String())
		}
		if !slices.Equal(got, c.lines) {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.lines)
		}
	}
}

func TestConsulIsRightAndANoteSaysWhyLegateDiffers(t *testing.T) {
	has := map[string]Service{"web": service(t, eds, groups(in("eu", "", "", at("10.0.0.9", ""))))}
	none := map[string]Service{"web": service(t, eds, groups())}
	all := Faults(Side{"Legate", "serves", has}, Side{"Consul", "has", none})
	all[0].Note = "held: emptied\n"
	if got := all[0].String(); len(all) != 1 || got != `Legate still serves web 10.0.0.9:80, which Consul does not have (held: emptied\n)` {
		t.Errorf("%d: %s", len(all), got)
	}
}

// Only what is wrong at both looks, and has not moved in between, is told.
func TestWhatIsOnItsWayIsNoFault(t *testing.T) {
	weight := func(n string) Service {
		return service(t, eds, groups(in("eu", "", "", at("10.0.0.7", `, "load_balancing_weight": `+n))))
	}
	none := service(t, eds, groups())
	type look struct{ want, has Service }
	for _, c := range []struct {
		name          string
		first, second look
		told          int
	}{
		{"it has come", look{weight("2"), none}, look{weight("2"), weight("2")}, 0},
		{"it has not", look{weight("2"), none}, look{weight("2"), none}, 1},
		{"a new difference", look{none, none}, look{weight("2"), none}, 0},
		{"a busy service that is followed", look{weight("2"), weight("1")}, look{weight("3"), weight("2")}, 0},
		{"a busy service that is not", look{weight("2"), weight("1")}, look{weight("3"), weight("1")}, 1},
		{"it came, and is to go", look{weight("2"), none}, look{none, weight("2")}, 0},
	} {
		first, second := Faults(sides(t, c.first.want, c.first.has)), Faults(sides(t, c.second.want, c.second.has))
		if got := len(Lasting(first, second)); got != c.told {
			t.Errorf("%s: %d told, want %d", c.name, got, c.told)
		}
	}
}
