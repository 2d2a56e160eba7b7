package xdsserver

import "testing"

func TestItIsKnownSinceWhenNobodyIsThere(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.set(service("web", 1)...)
	if !s.Left().IsZero() {
		t.Error("nobody was there yet, and somebody has left")
	}
	one, two := incremental(t, s, "one"), incremental(t, s, "two")
	one.Want(cds, "*")
	one.Accept(cds, "web@1")
	two.Want(cds, "*")
	two.Accept(cds, "web@1")
	one.Close()
	soon(t, "one has left", func() bool { return len(s.Streams()) == 1 })
	if !s.Left().IsZero() {
		t.Error("one is there still")
	}
	two.Close()
	soon(t, "both have left", func() bool { return !s.Left().IsZero() })
	again := incremental(t, s, "again")
	again.Want(cds, "*")
	again.Accept(cds, "web@1")
	if !s.Left().IsZero() {
		t.Error("somebody is there again")
	}
}
