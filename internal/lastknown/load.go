package lastknown

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"legate/discovery/catalog"
)

// maxBytes is more than any catalog needs (100,000 instances take about 80 MB), and little enough
// to read into memory if the path holds something else.
const maxBytes = 1 << 30

// load reads the file and checks that its scope is want and that it is not too old. An empty
// want.Datacenter matches any: a Legate that asks its agent for the name does not know it yet.
func load(path string, want Scope, maxAge time.Duration, now time.Time) (Header, catalog.Catalog, error) {
	data, err := read(path, maxBytes)
	if err != nil {
		return Header{}, catalog.Catalog{}, fmt.Errorf("%w: %s", err, remedyOf(err))
	}
	h, c, err := Decode(data)
	if err == nil {
		err = check(h, want, maxAge, now)
	}
	if err != nil {
		return Header{}, catalog.Catalog{}, fmt.Errorf("%w: %s", err, remedyOf(err))
	}
	return h, c, nil
}

// read reads the whole file. Before that it checks that the file is one of ours and has at most
// that many bytes. It does not block if the path is a pipe.
func read(path string, most int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, cause(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, cause(err)
	}
	if !info.Mode().IsRegular() || info.Size() > most {
		return nil, errForeign
	}
	if err := trusted(info); err != nil {
		return nil, err
	}
	first := make([]byte, len(Magic))
	if _, err := io.ReadFull(f, first); err != nil || string(first) != Magic {
		return nil, errForeign
	}
	data := make([]byte, info.Size())
	_, err = io.ReadFull(f, data[copy(data, first):])
	return data, cause(err)
}

var (
	errScope  = errors.New("is of something else")
	errTooOld = errors.New("is too old")
	errAhead  = errors.New("is dated too far ahead")
)

// check compares a file with what Legate is to serve. A date in the future means that the clock was
// changed. It may be as far ahead as a file may be old.
func check(h Header, want Scope, maxAge time.Duration, now time.Time) error {
	if want.Datacenter == "" {
		want.Datacenter = h.Scope.Datacenter
	}
	if h.Scope.Datacenter != want.Datacenter {
		return fmt.Errorf("%w: of datacenter %q, Legate serves %q", errScope, h.Scope.Datacenter, want.Datacenter)
	}
	if !h.Scope.Equal(want) {
		return fmt.Errorf("%w: of another selection of services, namespace or partition", errScope)
	}
	what := errTooOld
	switch age := now.Sub(h.Believed); {
	case age > maxAge:
	case age < -maxAge:
		what = errAhead
	default:
		return nil
	}
	return fmt.Errorf("%w: Consul said it at %s, %s, and the most is %v", what, h.Believed.Format(time.RFC3339), Ago(h.Believed, now), maxAge)
}

// newer is added to the name of a file that a newer version of Legate has written, before it is replaced.
const newer = ".newer"

// remedyOf says what an operator can do. In every case Legate goes on without the file, and writes
// a new one as soon as it has read Consul.
func remedyOf(err error) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "let Legate's user read it, or remove it"
	case errors.Is(err, errScope):
		return "give each Legate a --state-dir of its own; it is replaced when Consul was read"
	case errors.Is(err, errOwner):
		return "find out who has put it there; give it to Legate's user with chown, or remove it; it is replaced when Consul was read"
	case errors.Is(err, errOthers):
		return "find out whether somebody has changed it; chmod o-w it, or remove it; it is replaced when Consul was read"
	case errors.Is(err, errAhead):
		return "set the clock of this machine; it is replaced when Consul was read"
	case errors.Is(err, errTooOld):
		return "it is replaced when Consul was read; --last-known-max-age allows older ones"
	case errors.Is(err, errNewer):
		return "it is kept as " + fileName + newer + " when Consul was read; with the newer version again, or with a --state-dir of its own, nothing is lost"
	case errors.Is(err, errSchema):
		return "it is replaced when Consul was read"
	case errors.Is(err, errTruncated), errors.Is(err, errChecksum), errors.Is(err, errContent):
		return "check the disk; it is replaced when Consul was read"
	}
	return "look at what is there, or choose another --state-dir"
}

// cause strips the path from an error of the file system: the log line has it already.
func cause(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}
