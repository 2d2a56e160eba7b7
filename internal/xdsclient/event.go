package xdsclient

import "time"

// Event is what a client tells its caller. The types below are all of them.
type Event interface{ event() }

// Connected says that a stream is open. Again says that it is not the first one: what changed in between follows.
type Connected struct{ Again bool }

// Changed are services that have come, changed or gone. They are sorted by name, each once. After a stream that was
// lost before Synced, all are told again.
type Changed []Change

// Synced says that the client has been sent everything that it asked for at its start. It is told once. Missing are
// the names that it was given and the server has no cluster of.
type Synced struct{ Missing []string }

// Lost says that the stream has ended, or could not be opened. The client connects again after Retry.
type Lost struct {
	Cause error
	Retry time.Duration
}

func (Connected) event() {}
func (Changed) event()   {}
func (Synced) event()    {}
func (Lost) event()      {}

// State is what the client holds under a name, encoded; a part that it does not have is nil.
type State struct{ Cluster, Assignment []byte }

// Change is what the client held under a name before and holds now.
type Change struct {
	Name          string
	Before, After State
	// Cluster and Endpoints are the versions of what it holds now, as far as that has changed.
	Cluster, Endpoints string
}
