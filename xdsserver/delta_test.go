package xdsserver

import (
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	"legate/translate"
)

func asGRPC(typeURL string, names ...string) *discoveryv3.DeltaDiscoveryRequest {
	return &discoveryv3.DeltaDiscoveryRequest{
		Node:    &corev3.Node{Id: "other", UserAgentName: "gRPC Go"},
		TypeUrl: typeURL, ResourceNamesSubscribe: names,
	}
}

func TestAReconnectWithMatchingVersionsGetsNothing(t *testing.T) {
	s := newStage(t)
	s.set(append(service("web", 1), service("db", 1)...)...)
	c := incremental(t, s, "edge")
	c.Resume(cds, map[string]string{"web": "v1", "db": "v1"})
	c.Silence()
	c.Resume(eds, map[string]string{"web": "v1", "db": "v1"}, "web", "db")
	c.Silence()

	s.set(cluster("web", 2))
	c.Accept(cds, "web@2")
	c.Accept(eds, "web@1")
}

func TestAReconnectGetsWhatItMissed(t *testing.T) {
	s := newStage(t)
	s.set(append(service("changed", 2), service("new", 1)...)...)
	c := incremental(t, s, "edge")
	c.Resume(cds, map[string]string{"changed": "v1", "gone": "v1"})
	c.Accept(cds, "changed@2", "new@1", "-gone")
	c.Resume(eds, map[string]string{"changed": "v1", "gone": "v1"}, "changed", "gone")
	c.Accept(eds, "changed@2", "gone@empty")
}

func TestAClusterIsRemovedWithItsService(t *testing.T) {
	s := newStage(t)
	s.set(append(service("web", 1), service("db", 1)...)...)
	c := incremental(t, s, "edge")
	c.Want(cds)
	c.Accept(cds, "db@1", "web@1")
	s.gone(translate.Name{Type: cds, Name: "web"}, translate.Name{Type: eds, Name: "web"})
	c.Accept(cds, "-web")
}

func TestAnUnknownClusterAskedForByNameIsRemoved(t *testing.T) {
	s := newStage(t)
	s.set()
	c := incremental(t, s, "edge")
	c.Want(cds, "web")
	c.Accept(cds, "-web")
	s.set(service("web", 1)...)
	c.Accept(cds, "web@1")
}

func TestANameAskedForAgainIsSentAgain(t *testing.T) {
	s := newStage(t)
	s.set(service("web", 1)...)
	c := incremental(t, s, "edge")
	c.Want(eds, "web")
	c.Accept(eds, "web@1")
	c.Request(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: eds, ResourceNamesSubscribe: []string{"web"}})
	c.Accept(eds, "web@1")
}

func TestANameGivenUpUnderAWildcardIsSentAgain(t *testing.T) {
	s := newStage(t)
	s.set(service("web", 1)...)
	c := incremental(t, s, "edge")
	c.Want(cds, "*", "web", "ghost")
	c.Accept(cds, "web@1", "-ghost")
	c.Want(cds, "*")
	c.Accept(cds, "web@1", "-ghost")
	c.Want(cds)
	c.Silence()
	s.set(cluster("web", 2))
	c.Silence()
}

func TestSubscribingWhileAResponseIsUnansweredLosesNothing(t *testing.T) {
	s := newStage(t)
	s.set(append(service("a", 1), service("b", 1)...)...)
	c := incremental(t, s, "edge")
	c.Want(eds, "a")
	r := c.Expect(eds, "a@1")
	c.Want(eds, "a", "b")
	c.Accept(eds, "b@1")
	c.Nack(r, "late") // b was answered after it: this speaks of nothing that is open
	s.set(assignment("b", 2))
	c.Accept(eds, "b@2")
}

func TestAClientThatAnswersNothingCoalesces(t *testing.T) {
	s := newStage(t)
	s.set(assignment("web", 1))
	c := incremental(t, s, "mute")
	c.Want(eds, "web")
	var last string
	for i := 2; i < maxFlight+20; i++ {
		s.set(assignment("web", i))
		if i < maxFlight/2 {
			c.Read()
		}
	}
	sent := s.Streams()[0].Types[0].Responses
	if sent > maxFlight {
		t.Errorf("%d responses are unanswered, at most %d may be", sent, maxFlight)
	}
	for {
		r := c.Read()
		last = r.String()
		if last == "web@83" {
			break
		}
		c.Ack(r)
	}
	c.Silence()
}

func TestRejectedClustersAreSentAloneAndBringTheirAssignments(t *testing.T) {
	s := newStage(t)
	s.set(append(service("a", 1), service("b", 1)...)...)
	c := incremental(t, s, "edge")
	c.Want(cds)
	c.Accept(cds, "a@1", "b@1")
	c.Want(eds, "a", "b")
	c.Accept(eds, "a@1", "b@1")

	s.set(cluster("a", 2), cluster("b", 2))
	c.Nack(c.Expect(cds, "a@2", "b@2"), "a is bad")
	c.Accept(eds, "a@1", "b@1")
	c.Nack(c.Expect(cds, "a@2"), "a is bad")
	c.Accept(eds, "a@1") // Envoy may wait for it
	c.Accept(cds, "a@1") // what it has
	c.Accept(cds, "b@2")
	c.Accept(eds, "a@1", "b@1")
	c.Silence()
	s.set(cluster("a", 3))
	c.Accept(cds, "a@3")
	c.Accept(eds, "a@1")
}
