package xdsserver

import (
	"testing"

	"legate/internal/xdstest"
	"legate/translate"
)

func TestWhatSomebodyAsksForIsWanted(t *testing.T) {
	s := newStage(t)
	s.Publish(own, translate.Batch{Set: []translate.Resource{cluster("web", 1), assignment("web", 80)}})
	if !s.Wanted("web") || !s.Wanted("other") {
		t.Error("without streams everything is wanted")
	}
	c := xdstest.Open(t, s.conn, xdstest.Delta, "edge")
	c.Want(eds, "web")
	c.Accept(eds, "web@80")
	if !s.Wanted("web") || s.Wanted("other") {
		t.Errorf("web %v, other %v", s.Wanted("web"), s.Wanted("other"))
	}
	all := xdstest.Open(t, s.conn, xdstest.Delta, "all")
	all.Want(eds, "*")
	all.Accept(eds, "web@80")
	if !s.Wanted("other") {
		t.Error("who asks for all wants everything")
	}
}

// Who asks for a further port is served by the same watch of Consul.
func TestAServiceIsWantedWhereOneOfItsPortsIs(t *testing.T) {
	s := newStage(t)
	s.Publish(own, translate.Batch{Set: []translate.Resource{
		assignment("web", 80), assignment("web.grpc.port", 81), assignment("web.v2", 80), assignment("web.v2.grpc.port", 81), assignment("web-2", 80),
	}})
	c := xdstest.Open(t, s.conn, xdstest.Delta, "edge")
	c.Want(eds, "web.grpc.port", "web-2")
	c.Accept(eds, "web.grpc.port@81", "web-2@80")
	for service, wanted := range map[string]bool{"web": true, "web-2": true, "web.v2": false, "web.grpc": false, "we": false} {
		if s.Wanted(service) != wanted {
			t.Errorf("%s: wanted is %v", service, !wanted)
		}
	}
	c.Want(eds, "web.v2.grpc.port")
	c.Accept(eds, "web.v2.grpc.port@81")
	if !s.Wanted("web.v2") {
		t.Error("a service whose name has a dot is not wanted")
	}
}
