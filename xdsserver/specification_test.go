package xdsserver

import (
	"testing"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	"legate/internal/xdstest"
	"legate/translate"
)

// The xDS protocol's sections on what a client asks for, sentence by sentence: "How the client
// specifies what resources to return", "Grouping Resources into Responses", "Deleting Resources",
// "Knowing When a Requested Resource Does Not Exist", "Unsubscribing From Resources", and what
// "Incremental xDS" says of the same. Each story is named after what the sentence demands.

// told tells a story in each protocol, with the services a and b.
func told(t *testing.T, story func(t *testing.T, s *stage, open opener)) {
	t.Helper()
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(append(service("a", 1), service("b", 1)...)...)
		story(t, s, open)
	})
}

func ab(t *testing.T) *stage {
	s := newStage(t)
	s.set(append(service("a", 1), service("b", 1)...)...)
	return s
}

func TestSpecWhatIsNamedIsSuppliedIfItExists(t *testing.T) {
	told(t, func(_ *testing.T, s *stage, open opener) {
		c := open("edge")
		c.Want(cds, "a")
		c.Accept(cds, "a@1")
		c.Want(eds, "a", "b")
		c.Accept(eds, "a@1", "b@1")
		c.Silence()
	})
}

func TestSpecWhatIsNamedAnewIsSentThoughItWasSentUnaskedBefore(t *testing.T) {
	told(t, func(t *testing.T, s *stage, open opener) {
		c := open("edge")
		c.Want(cds, "*")
		c.Accept(cds, "a@1", "b@1")
		c.Want(cds, "*", "a")
		if r := c.Read(); r.Resources["a"] == nil {
			t.Errorf("got %s", r)
		}
	})
}

func TestSpecWhatIsGivenUpAndNamedAgainIsSentAgain(t *testing.T) {
	told(t, func(_ *testing.T, s *stage, open opener) {
		c := open("edge")
		c.Want(eds, "a", "b")
		c.Accept(eds, "a@1", "b@1")
		c.Want(eds, "b")
		c.Want(eds, "a", "b")
		c.Accept(eds, "a@1")
	})
}

func TestSpecAnEmptyListOfNamesWantsNothingMore(t *testing.T) {
	told(t, func(_ *testing.T, s *stage, open opener) {
		c := open("edge")
		c.Want(eds, "a")
		c.Accept(eds, "a@1")
		c.Want(eds)
		c.Silence()
		s.set(assignment("a", 2))
		c.Silence()
		c.Want(eds, "a")
		c.Accept(eds, "a@2")
	})
}

func TestSpecTheStarWantsAll(t *testing.T) {
	told(t, func(_ *testing.T, s *stage, open opener) {
		c := open("edge")
		c.Want(cds, "*")
		c.Accept(cds, "a@1", "b@1")
		s.set(cluster("c", 1))
		if r := c.Read(); r.Resources["c"] == nil {
			t.Errorf("got %s", r)
		}
	})
}

func TestSpecWhoNeverNamedAnythingWantsAll(t *testing.T) {
	told(t, func(_ *testing.T, s *stage, open opener) {
		c := open("edge")
		c.Want(cds)
		c.Accept(cds, "a@1", "b@1")
		c.Want(cds) // and goes on to
		c.Silence()
		s.set(cluster("b", 2), cluster("a", 2))
		c.Accept(cds, "a@2", "b@2")
	})
}

func TestSpecAfterTheStarAnEmptyListIsAnUnsubscription(t *testing.T) {
	told(t, func(_ *testing.T, s *stage, open opener) {
		c := open("edge")
		c.Want(cds, "*")
		c.Accept(cds, "a@1", "b@1")
		c.Want(cds)
		c.Silence()
		s.set(cluster("a", 2))
		c.Silence()
		c.Want(cds, "*")
		c.Accept(cds, "a@2", "b@1")
	})
}

func TestSpecTheExampleOfStateOfTheWorld(t *testing.T) {
	s := ab(t)
	c := stateOfTheWorld(t, s, "edge")
	c.Want(cds)
	c.Accept(cds, "a@1", "b@1")
	c.Want(cds, "*", "a")
	c.Accept(cds, "a@1", "b@1")
	c.Want(cds, "a")
	c.Silence()
	s.set(cluster("b", 2))
	c.Silence()
	s.set(cluster("a", 2))
	c.Accept(cds, "a@2")
	c.Want(cds)
	c.Silence()
	s.set(cluster("a", 3), cluster("b", 3))
	c.Silence()
}

func TestSpecTheExampleOfIncremental(t *testing.T) {
	s := ab(t)
	c := incremental(t, s, "edge")
	ask := func(subscribe, unsubscribe []string) {
		c.Request(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: cds, ResourceNamesSubscribe: subscribe, ResourceNamesUnsubscribe: unsubscribe})
	}
	ask(nil, nil)
	c.Accept(cds, "a@1", "b@1")
	ask([]string{"a"}, nil)
	c.Accept(cds, "a@1")
	ask(nil, []string{"*"})
	c.Silence()
	s.set(cluster("b", 2))
	c.Silence()
	s.set(cluster("a", 2))
	c.Accept(cds, "a@2")
	ask(nil, []string{"a"})
	c.Silence()
	s.set(cluster("a", 3), cluster("b", 3))
	c.Silence()
	ask(nil, nil)
	c.Silence()
}

func TestSpecAFirstIncrementalRequestThatOnlyUnsubscribesIsNoWildcard(t *testing.T) {
	for _, name := range []string{"a", "*", "ghost"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := ab(t)
			c := incremental(t, s, "edge")
			c.Request(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: cds, ResourceNamesUnsubscribe: []string{name}})
			c.Silence()
			s.set(cluster("a", 2))
			c.Silence()
			c.Want(cds, "b")
			c.Accept(cds, "b@1")
		})
	}
}

func TestSpecIncrementalSendsOnlyWhatChanged(t *testing.T) {
	s := ab(t)
	c := incremental(t, s, "edge")
	c.Want(cds)
	c.Accept(cds, "a@1", "b@1")
	s.set(cluster("a", 2))
	c.Accept(cds, "a@2")
}

func TestSpecClustersAreSentWithAllThatTheClientNeedsOthersAreNot(t *testing.T) {
	s := ab(t)
	s.set(service("c", 1)...)
	c := stateOfTheWorld(t, s, "edge")
	c.Want(cds, "a", "b")
	c.Accept(cds, "a@1", "b@1")
	c.Want(eds, "a", "b")
	c.Accept(eds, "a@1", "b@1")
	s.set(assignment("a", 2))
	c.Accept(eds, "a@2")
	s.set(cluster("b", 2))
	c.Accept(cds, "a@1", "b@2")
}

func TestSpecWhatIsGoneIsRemovedOrLeftOut(t *testing.T) {
	for _, p := range []xdstest.Protocol{xdstest.SotW, xdstest.Delta} {
		want := map[xdstest.Protocol][]string{xdstest.SotW: {"b@1"}, xdstest.Delta: {"-a"}}[p]
		for _, names := range [][]string{nil, {"*"}, {"a", "b"}} {
			s := ab(t)
			c := xdstest.Open(t, s.conn, p, "edge")
			c.Want(cds, names...)
			c.Accept(cds, "a@1", "b@1")
			s.gone(translate.Name{Type: cds, Name: "a"}, translate.Name{Type: eds, Name: "a"})
			c.Accept(cds, want...)
		}
	}
}

func TestSpecWhatDoesNotExistIsRememberedAndSentWhenItDoes(t *testing.T) {
	told(t, func(_ *testing.T, s *stage, open opener) {
		c := open("edge")
		c.Want(cds, "later")
		c.Ack(c.Read()) // incremental: removed; state of the world: nothing in it
		c.Silence()
		s.set(service("later", 1)...)
		c.Accept(cds, "later@1")
	})
}

func TestSpecUnderAWildcardOnlyTheWildcardCanBeGivenUp(t *testing.T) {
	s := ab(t)
	c := incremental(t, s, "edge")
	c.Want(cds, "*")
	c.Accept(cds, "a@1", "b@1")
	c.Request(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: cds, ResourceNamesUnsubscribe: []string{"a", "ghost"}})
	c.Accept(cds, "a@1") // which the client may have dropped by now
	s.set(cluster("a", 2))
	c.Accept(cds, "a@2")
	c.Want(cds)
	c.Silence()
	s.set(cluster("a", 3))
	c.Silence()
}

func TestSpecAnUnsubscriptionOfWhatWasNotSubscribedToIsIgnored(t *testing.T) {
	s := ab(t)
	c := incremental(t, s, "edge")
	c.Want(eds, "a")
	c.Accept(eds, "a@1")
	c.Request(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: eds, ResourceNamesUnsubscribe: []string{"b", "ghost", "*", ""}})
	c.Silence()
	s.set(assignment("a", 2), assignment("b", 2))
	c.Accept(eds, "a@2")
}

func TestSpecAChangedSubscriptionIsHonouredWhateverItsNonce(t *testing.T) {
	s := ab(t)
	c := incremental(t, s, "edge")
	c.Want(eds, "a")
	c.Accept(eds, "a@1")
	c.Request(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: eds, ResponseNonce: "long ago", ResourceNamesSubscribe: []string{"b"}})
	c.Accept(eds, "b@1")
	c.Request(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: eds, ResponseNonce: "long ago", ResourceNamesUnsubscribe: []string{"a"}})
	c.Silence()
	s.set(assignment("a", 2), assignment("b", 2))
	c.Accept(eds, "b@2")
}

func TestSpecEachTypeHasASubscriptionOfItsOwn(t *testing.T) {
	told(t, func(_ *testing.T, s *stage, open opener) {
		c := open("edge")
		c.Want(eds, "a") // which makes a later request for clusters no less a first one
		c.Accept(eds, "a@1")
		c.Want(cds)
		c.Accept(cds, "a@1", "b@1")
	})
}

func TestANameThatNoResourceCanHaveIsAnsweredWithNone(t *testing.T) {
	for _, p := range []xdstest.Protocol{xdstest.SotW, xdstest.Delta} {
		want := map[xdstest.Protocol][]string{xdstest.SotW: {"a@1"}, xdstest.Delta: {"-", "a@1"}}[p]
		t.Run(string(p), func(t *testing.T) {
			t.Parallel()
			s := ab(t)
			c := xdstest.Open(t, s.conn, p, "odd")
			c.Want(eds, "", "a")
			c.Accept(eds, want...)
			s.set(assignment("a", 2))
			c.Accept(eds, "a@2")
		})
	}
}
