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
