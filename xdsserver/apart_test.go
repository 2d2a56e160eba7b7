package xdsserver

import (
	"testing"

	"legate/internal/xdstest"
)

// TestAnAssignmentComesAgainWhenItsClusterCameOverAnotherStream: it may have come before the cluster, and then the client
// waits for it. All others get it once.
func TestAnAssignmentComesAgainWhenItsClusterCameOverAnotherStream(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage, open opener) {
		s.set(append(service("db", 1), service("web", 1)...)...)
		clusters, endpoints, other, aggregated := open("edge"), open("edge"), open("other"), open("edge")
		clusters.Want(cds)
		aggregated.Want(cds)
		for _, c := range []*xdstest.Client{clusters, aggregated} {
			c.Ack(c.Read())
		}
		for _, c := range []*xdstest.Client{endpoints, other, aggregated} {
			c.Want(eds, "db", "web")
			c.Accept(eds, "db@1", "web@1")
		}
		for n, answer := range []func(*xdstest.Response){clusters.Ack, func(r *xdstest.Response) { clusters.Nack(r, "another one is wrong") }} {
			is := "web@2"
			if n > 0 {
				is = "web@3"
			}
			s.set(service("web", n+2)...)
			for _, c := range []*xdstest.Client{endpoints, other} {
				c.Accept(eds, is)
				c.Silence()
			}
			aggregated.Ack(aggregated.Read())
			aggregated.Accept(eds, is)
			answer(clusters.Read())
			endpoints.Accept(eds, is) // now it is certain that the client has the cluster
			for _, c := range []*xdstest.Client{endpoints, other, aggregated} {
				c.Silence()
			}
		}
		s.set(assignment("db", 2)) // without its cluster
		for _, c := range []*xdstest.Client{endpoints, other, aggregated} {
			c.Accept(eds, "db@2")
			c.Silence()
		}
	})
}

// TestAnAssignmentComesAgainWhenItsClusterChangedWhileTheClientWasAway: a client whose stream of clusters begins again
// is sent all of them over state of the world, and over incremental xDS perhaps, too.
func TestAnAssignmentComesAgainWhenItsClusterChangedWhileTheClientWasAway(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage, open opener) {
		s.set(service("web", 1)...)
		clusters, endpoints := open("edge"), open("edge")
		clusters.Want(cds)
		clusters.Ack(clusters.Read())
		endpoints.Want(eds, "web")
		endpoints.Accept(eds, "web@1")
		endpoints.Silence() // it had no cluster before
		clusters.Close()
		s.set(service("web", 2)...)
		endpoints.Accept(eds, "web@2")
		clusters = open("edge")
		clusters.Resume(cds, map[string]string{"web": "v1"})
		clusters.Accept(cds, "web@2")
		endpoints.Accept(eds, "web@2")
		endpoints.Silence()
	})
}
