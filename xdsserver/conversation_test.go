package xdsserver

import (
	"fmt"
	"testing"
	"time"

	"legate/internal/xdstest"
	"legate/translate"
)

type opener = func(node string) *xdstest.Client

func TestAnEnvoyStartsAndFollowsAChange(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(service("web", 1)...)
		c := open("edge")
		c.Want(cds)
		c.Accept(cds, "web@1")
		c.Want(eds, "web")
		c.Accept(eds, "web@1")

		s.set(assignment("web", 2))
		c.Accept(eds, "web@2")
		c.Silence()
	})
}

func TestNothingIsSentBeforeConsulWasReadCompletely(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		c := open("early")
		c.Want(cds)
		c.Silence()
		s.set(service("web", 1)...)
		c.Accept(cds, "web@1")
	})
}

func TestAnEmptyCatalogIsAnAnswerToo(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set()
		c := open("edge")
		c.Want(cds)
		c.Accept(cds)
		s.set(service("web", 1)...)
		c.Accept(cds, "web@1")
	})
}

func TestABatchSendsClustersBeforeAssignments(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(service("web", 1)...)
		c := open("edge")
		c.Want(cds)
		c.Accept(cds, "web@1")
		c.Want(eds, "web")
		c.Accept(eds, "web@1")

		s.set(assignment("web", 2), cluster("web", 2))
		c.Accept(cds, "web@2")
		c.Accept(eds, "web@2")
	})
}

// A batch that is published while a session sends goes out in the order of the types like any other: the
// cluster first, and then its assignment.
func TestABatchThatArrivesWhileASessionSendsKeepsItsOrder(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(service("web", 1)...)
		c := open("edge")
		c.Want(cds)
		c.Accept(cds, "web@1")
		c.Want(eds, "web")
		c.Accept(eds, "web@1")
		for n := 2; n < 3000; n++ {
			// The acknowledgement of the assignment has the session look what else there is, just now.
			s.set(assignment("web", n), cluster("web", n))
			version := fmt.Sprint("web@", n)
			c.Accept(cds, version)
			c.Accept(eds, version)
		}
	})
}

func TestAChangedClusterBringsItsAssignmentAlong(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(append(service("web", 1), service("db", 1)...)...)
		c := open("edge")
		c.Want(cds)
		c.Accept(cds, "web@1", "db@1")
		c.Want(eds, "web", "db")
		c.Accept(eds, "web@1", "db@1")

		// The assignment itself is not in the batch: still Envoy waits for it again.
		s.set(cluster("web", 2))
		if r := c.Read(); r.Type != cds || r.Resources["web"] == nil {
			t.Fatalf("got %s", r)
		} else {
			c.Ack(r)
		}
		c.Accept(eds, "web@1")
		c.Silence()
	})
}

func TestANameThatConsulDoesNotHaveGetsAnEmptyAssignment(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(service("web", 1)...)
		c := open("static")
		c.Want(eds, "web", "later")
		c.Accept(eds, "web@1", "later@empty")
		c.Silence()

		s.set(service("later", 1)...)
		c.Accept(eds, "later@1")
	})
}

func TestAServiceThatIsGoneGetsAnEmptyAssignmentWhereItIsStillNamed(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(append(service("web", 1), service("db", 1)...)...)
		c := open("static")
		c.Want(eds, "web", "db")
		c.Accept(eds, "web@1", "db@1")
		s.gone(translate.Name{Type: cds, Name: "web"}, translate.Name{Type: eds, Name: "web"})
		c.Accept(eds, "web@empty")
		s.set(service("web", 3)...)
		c.Accept(eds, "web@3")
	})
}

func TestAStreamHearsOnlyOfWhatItNamed(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(append(service("web", 1), service("db", 1)...)...)
		c := open("edge")
		c.Want(eds, "web")
		c.Accept(eds, "web@1")
		s.set(assignment("db", 2))
		c.Silence()

		c.Want(eds, "web", "db")
		c.Accept(eds, "db@2")
		c.Want(eds, "db")
		c.Silence()
		s.set(assignment("web", 2))
		c.Silence()
		s.set(assignment("db", 3))
		c.Accept(eds, "db@3")
	})
}

func TestAWildcardForAssignmentsHasToBeSaid(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(append(service("web", 1), service("db", 1)...)...)
		c := open("tool")
		c.Want(eds)
		c.Silence()
		c.Want(eds, "*")
		c.Accept(eds, "db@1", "web@1")
	})
}

func TestARejectionFreesTheInnocentAndNamesTheOffender(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(append(append(service("a", 1), service("b", 1)...), service("c", 1)...)...)
		c := open("edge")
		c.Want(eds, "a", "b", "c")
		// Envoy may have applied any part of it, and does not say which resource is bad.
		c.Nack(c.Expect(eds, "a@1", "b@1", "c@1"), "a is bad")
		c.Nack(c.Expect(eds, "a@1"), "a is bad")
		c.Accept(eds, "b@1", "c@1")
		c.Silence() // no loop

		s.set(assignment("b", 2))
		c.Accept(eds, "b@2")
		s.set(assignment("a", 2))
		c.Accept(eds, "a@2")
		c.Silence()
	})
}

func TestARejectedChangeIsNotSentAgainUntilItChanges(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(assignment("a", 1))
		c := open("edge")
		c.Want(eds, "a")
		c.Accept(eds, "a@1")
		s.set(assignment("a", 2))
		c.Nack(c.Expect(eds, "a@2"), "bad")
		c.Accept(eds, "a@1")
		c.Silence()
		s.set(assignment("a", 3))
		c.Accept(eds, "a@3")
	})
}

// moreThanAreParked publishes more assignments than a stream looks into when all are rejected.
func (s *stage) moreThanAreParked() (names []string) {
	var all []translate.Resource
	for i := range 4 * maxParked {
		names = append(names, fmt.Sprintf("s%03d", i))
		all = append(all, assignment(names[i], 1))
	}
	s.set(all...)
	return names
}

func TestAClientThatRejectsEverythingIsNotAskedForEver(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage, open opener) {
		s.pace.probe = time.Millisecond // no stream is open yet
		names := s.moreThanAreParked()
		c := open("odd")
		c.Want(eds, names...)
		responses := 0
		for r := c.Poll(time.Second); r != nil; r = c.Poll(time.Second) {
			c.Nack(r, "I take nothing")
			responses++
		}
		if most := 2*maxParked + 50; responses > most {
			t.Errorf("%d responses, more than %d", responses, most)
		}
		s.set(assignment("s200", 2)) // what was not looked into goes out together
		if r := c.Read(); len(r.Resources) != len(names) {
			t.Errorf("got %d of %d resources", len(r.Resources), len(names))
		}
	})
}

func TestWhatAClientRejectsTogetherIsNotSentAgainWithEachChange(t *testing.T) {
	for what, c := range map[string]struct {
		together time.Duration
		again    int // resources that follow a change, at least
	}{
		"soon":  {time.Hour, 1},
		"later": {300 * time.Millisecond, 4 * maxParked},
	} {
		t.Run(what, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *stage, open opener) {
				s.pace = pace{time.Millisecond, c.together} // no stream is open yet
				names := s.moreThanAreParked()
				odd := open("odd")
				odd.Want(eds, names...)
				reject := func() (resources int) {
					for r := odd.Poll(time.Second); r != nil; r = odd.Poll(time.Second / 2) {
						odd.Nack(r, "I take nothing")
						resources += len(r.Resources)
					}
					return resources
				}
				reject()
				s.set(assignment("s200", 2))
				reject() // all of it, down to single ones again
				s.set(assignment("s200", 3))
				if n := reject(); n < c.again || (c.again == 1 && n != 1) {
					t.Errorf("one change, %d resources, want %d", n, c.again)
				}
			})
		})
	}
}

func TestAClientThatGoesOnRejectingIsAskedMoreAndMoreSlowly(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage, open opener) {
		s.pace.probe = time.Hour // no stream is open yet
		names := s.moreThanAreParked()
		c := open("odd")
		c.Want(eds, names...)
		responses := 0
		for r := c.Poll(time.Second); r != nil; r = c.Poll(time.Second) {
			c.Nack(r, "I take nothing")
			responses++
		}
		if responses != 1+fastProbes+1 { // the whole, the fast ones, and the first slow one
			t.Errorf("%d responses", responses)
		}
		s.set(assignment("s200", 2)) // a change does not wait
		c.Nack(c.Expect(eds, "s200@2"), "not that either")
	})
}

func TestARejectionDoesNotHoldUpOthers(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(append(service("bad", 1), service("good", 1)...)...)
		c := open("edge")
		c.Want(eds, "bad")
		c.Nack(c.Expect(eds, "bad@1"), "bad")
		c.Want(eds, "bad", "good")
		c.Accept(eds, "good@1")
		s.set(assignment("good", 2))
		c.Accept(eds, "good@2")
		s.set(assignment("bad", 2))
		c.Accept(eds, "bad@2")
	})
}

func TestAnOldRejectionSpeaksOnlyOfItsOwnResponse(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(append(service("a", 1), service("b", 1)...)...)
		c := open("edge")
		c.Want(eds, "a", "b")
		c.Accept(eds, "a@1", "b@1")

		s.set(assignment("a", 2))
		first := c.Expect(eds, "a@2")
		s.set(assignment("b", 2))
		second := c.Expect(eds, "b@2")
		c.Nack(first, "a is bad")
		c.Ack(second)
		c.Accept(eds, "a@1")
		c.Silence()

		s.set(assignment("b", 3))
		c.Accept(eds, "b@3") // b was taken: a is not in it
		s.set(assignment("a", 3))
		c.Accept(eds, "a@3")
	})
}

func TestAStaleAnswerChangesNothingAndLosesNothing(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(service("a", 1)...)
		c := open("edge")
		c.Want(eds, "a")
		r := c.Accept(eds, "a@1")
		c.Ack(r)
		c.Nack(r, "changed my mind")
		c.Silence()
		s.set(assignment("a", 2))
		c.Accept(eds, "a@2")
		c.Silence()
	})
}

func TestAStreamKeepsItsViewWhateverItsNodeSaysLater(t *testing.T) {
	s := newStage(t)
	s.set(service("web", 1)...)
	c := incremental(t, s, "edge")
	c.Want(cds)
	c.Accept(cds, "web@1")
	c.Request(asGRPC(eds, "web"))
	c.Accept(eds, "web@1")
	if n := s.Streams()[0].Node; n != "edge" {
		t.Errorf("the stream's node is %q now", n)
	}
}

func TestAGRPCClientIsToldThatItIsNotServedYet(t *testing.T) {
	s := newStage(t)
	s.set(service("web", 1)...)
	c := incremental(t, s, "x")
	c.Request(asGRPC(cds))
	wantStatus(t, c.Ended(), "Unimplemented", "grpc clients are not served")
}

func TestARequestWithoutATypeEndsAnAggregatedStream(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set()
		c := open("edge")
		c.Want("")
		wantStatus(t, c.Ended(), "InvalidArgument", "type_url")
	})
}

func TestATypeThatIsNotServedDisturbsNothing(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(service("web", 1)...)
		c := open("edge")
		c.Want("type.googleapis.com/envoy.config.listener.v3.Listener")
		c.Want(cds)
		c.Accept(cds, "web@1")
	})
}
