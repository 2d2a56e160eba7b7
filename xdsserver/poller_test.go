package xdsserver

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Whether a node has what it was sent is known when it asks again, and says which version it has.
func TestAPollerIsSyncedWhenItSaysThatItHasEverything(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.set(service("web", 1)...)
	node := &corev3.Node{Id: "poller", UserAgentName: "envoy"}
	ask := func(version string) string {
		t.Helper()
		m, err := s.fetch(cds, &discoveryv3.DiscoveryRequest{Node: node, VersionInfo: version})
		if status.Code(err) == codes.FailedPrecondition { // as it is
			return version
		}
		if err != nil {
			t.Fatal(err)
		}
		return m.GetVersionInfo()
	}
	is := func(want string) PolledType {
		t.Helper()
		all := s.Pollers()
		if len(all) != 1 || len(all[0].Types) != 1 || all[0].Node != "poller" || !strings.HasPrefix(all[0].Address, "127.0.0.1") || all[0].Last.Before(all[0].First) {
			t.Fatalf("%+v", all)
		}
		of := all[0].Types[0]
		if got := fmt.Sprint(of.State, " ", of.Requests); got != want || of.Type != cds {
			t.Errorf("%s, want %s", got, want)
		}
		return of
	}
	version := ask("")
	stale := is("STALE 1")
	ask(version)
	synced := is("SYNCED 2")
	ask(version)
	if again := is("SYNCED 3"); !again.Since.Equal(synced.Since) || !synced.Since.After(stale.Since) {
		t.Errorf("%+v, %+v, %+v", stale, synced, again)
	}
	s.set(cluster("web", 2))
	ask(version)
	is("STALE 4")
	ask(version) // it did not take it
	is("STALE 5")
	if _, err := s.fetch(cds, &discoveryv3.DiscoveryRequest{Node: &corev3.Node{Id: "grpc", UserAgentName: "gRPC Go"}}); err == nil {
		t.Error("it is served")
	}
	is("STALE 5") // who is not served is not listed
	if later := s.polls.lately(time.Now().Add(2 * pollStays)); len(later) != 0 {
		t.Errorf("%+v are remembered", later)
	}
}
