package listen

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Access says who may open a unix socket. The zero value allows the user that made it.
type Access struct {
	// Mode is the socket's mode. A user who can write to the socket can connect (unix(7)). 0: 0600.
	Mode os.FileMode
	// Group is the socket's group, by name or number; empty: this process's own.
	Group string
}

// Socket listens on a unix socket that has its access rights from the start. It replaces a socket
// that a dead program left, and fails if somebody answers there. Closing the listener removes the
// socket.
func Socket(path string, access Access) (net.Listener, error) {
	if conn, err := net.DialTimeout("unix", path, time.Second); err == nil {
		_ = conn.Close() // only whether it answers matters
		return nil, errors.New("another program (or another Legate) answers there: stop it, or choose another path")
	}
	if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSocket == 0 {
		return nil, errors.New("there is a file that is not a socket: remove it, or choose another path")
	}
	// The socket is made in a private folder, where nobody can open it before its mode is set, and
	// then moved.
	dir, err := os.MkdirTemp(filepath.Dir(path), ".legate-")
	if err != nil {
		return nil, fmt.Errorf("%s: choose a folder in which this user can write", cause(err))
	}
	defer os.RemoveAll(dir)
	first := filepath.Join(dir, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: first, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("%w: choose a short path, of about 80 characters at most", err)
	}
	l.SetUnlinkOnClose(false)
	if err := errors.Join(access.give(first), os.Rename(first, path)); err != nil {
		_ = l.Close() // it was not in use yet
		return nil, err
	}
	return &socket{UnixListener: l, path: path}, nil
}

// socket is a listener that was moved to its path.
type socket struct {
	*net.UnixListener
	path string
}

func (s *socket) Addr() net.Addr { return &net.UnixAddr{Name: s.path, Net: "unix"} }

func (s *socket) Close() error {
	err := s.UnixListener.Close()
	if err == nil { // the first time
		_ = os.Remove(s.path) // it may already be gone
	}
	return err
}
