package xdsserver

import (
	"testing"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	"legate/translate"
)

func TestAReconnectOfAStateOfTheWorldStreamGetsItsAnswer(t *testing.T) {
	s := newStage(t)
	s.set(service("web", 1)...)
	c := stateOfTheWorld(t, s, "edge")
	c.Want(cds)
	r := c.Accept(cds, "web@1")
	c.Close()

	again := stateOfTheWorld(t, s, "edge")
	again.Request(&discoveryv3.DiscoveryRequest{TypeUrl: cds, VersionInfo: r.Version})
	if got := again.Accept(cds, "web@1"); got.Version != r.Version {
		t.Errorf("version %q became %q though nothing changed", r.Version, got.Version)
	}
}

func TestAChangedClusterIsSentWithAllOthers(t *testing.T) {
	s := newStage(t)
	s.set(append(service("web", 1), service("db", 1)...)...)
	c := stateOfTheWorld(t, s, "edge")
	c.Want(cds)
	c.Accept(cds, "db@1", "web@1")
	s.set(cluster("web", 2))
	c.Accept(cds, "db@1", "web@2")
	s.gone(translate.Name{Type: cds, Name: "web"})
	c.Accept(cds, "db@1")
}

func TestAnAnswerToAnOldResponseMayWantOtherNamesAndGetsThemOnce(t *testing.T) {
	s := newStage(t)
	s.set(append(service("a", 1), service("b", 1)...)...)
	c := stateOfTheWorld(t, s, "edge")
	c.Want(eds, "a")
	first := c.Accept(eds, "a@1")
	s.set(assignment("a", 2))
	second := c.Expect(eds, "a@2")
	c.Request(&discoveryv3.DiscoveryRequest{TypeUrl: eds, ResourceNames: []string{"a", "b"}, ResponseNonce: first.Nonce})
	c.Expect(eds, "b@1")
	c.Request(&discoveryv3.DiscoveryRequest{TypeUrl: eds, ResourceNames: []string{"a", "b"}, ResponseNonce: second.Nonce})
	c.Silence()
}

func TestANameDroppedAndWantedAgainWhileAResponseWasUnderWayIsSent(t *testing.T) {
	s := newStage(t)
	s.set(append(service("a", 1), service("b", 1)...)...)
	c := stateOfTheWorld(t, s, "edge")
	c.Want(eds, "a", "b")
	first := c.Accept(eds, "a@1", "b@1")
	s.set(assignment("a", 2))
	c.Expect(eds, "a@2")
	for _, names := range [][]string{{"a"}, {"a", "b"}} {
		c.Request(&discoveryv3.DiscoveryRequest{TypeUrl: eds, ResourceNames: names, ResponseNonce: first.Nonce})
	}
	c.Expect(eds, "b@1")
}

func TestAfterNamesAnEmptyRequestWantsNothing(t *testing.T) {
	s := newStage(t)
	s.set(append(service("web", 1), service("db", 1)...)...)
	c := stateOfTheWorld(t, s, "edge")
	c.Want(cds)
	c.Accept(cds, "db@1", "web@1")
	c.Want(cds, "web")
	c.Accept(cds, "web@1")
	c.Want(cds)
	c.Silence()
	s.set(cluster("web", 2), cluster("db", 2))
	c.Silence()
}

func TestVersionsAreTheSameOnEveryReplicaHoweverItGotThere(t *testing.T) {
	one, two := newStage(t), newStage(t)
	one.set(append(service("a", 1), service("b", 2)...)...)
	two.set(append(service("b", 1), service("c", 1)...)...)
	two.set(append(service("a", 1), service("b", 2)...)...)
	two.gone(translate.Name{Type: cds, Name: "c"}, translate.Name{Type: eds, Name: "c"})
	for _, s := range []*stage{one, two} {
		c := stateOfTheWorld(t, s, "edge")
		c.Want(cds)
		c.Accept(cds, "a@1", "b@2")
	}
	a, b := one.Views()[0], two.Views()[0]
	for typeURL := range a.Versions {
		if a.Versions[typeURL] != b.Versions[typeURL] || a.Versions[typeURL] == "" {
			t.Errorf("%s: %q and %q", typeURL, a.Versions[typeURL], b.Versions[typeURL])
		}
	}
}

func TestARejectedSetOfClustersGoesOutAgainWithTheNextChange(t *testing.T) {
	s := newStage(t)
	s.set(append(service("a", 1), service("b", 1)...)...)
	c := stateOfTheWorld(t, s, "edge")
	c.Want(cds)
	c.Accept(cds, "a@1", "b@1")
	c.Want(eds, "a", "b")
	c.Accept(eds, "a@1", "b@1")

	s.set(cluster("a", 2), cluster("b", 2))
	c.Nack(c.Expect(cds, "a@2", "b@2"), "a is bad")
	c.Accept(eds, "a@1", "b@1")
	c.Silence() // what a whole state leaves out is deleted: it cannot be cut in two
	s.set(cluster("a", 3))
	c.Accept(cds, "a@3", "b@2")
	c.Accept(eds, "a@1", "b@1") // b may be new to Envoy as well
}
