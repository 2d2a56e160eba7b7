package lastknown

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"legate/internal/files"
)

var (
	errOwner  = errors.New("belongs to another user")
	errOthers = errors.New("can be written by everybody")
)

// trusted reports why a file may hold what Consul never said: somebody else could have written it.
func trusted(info fs.FileInfo) error {
	if uid, foreign := files.Foreign(info); foreign {
		return fmt.Errorf("%w: its user is %d, and Legate's is %d", errOwner, uid, os.Geteuid())
	}
	if _, write := files.Others(info); write {
		return fmt.Errorf("%w: its mode is %04o", errOthers, info.Mode().Perm())
	}
	return nil
}

// exposed says why others can change what is in the folder, with the remedy; empty if they cannot.
func exposed(dir string) string {
	info, err := os.Stat(dir)
	if err != nil {
		return "" // who writes there says so
	}
	if uid, foreign := files.Foreign(info); foreign {
		return fmt.Sprintf("its folder belongs to user %d, and Legate is user %d: chown %[2]d %s, or choose another --state-dir", uid, os.Geteuid(), dir)
	}
	if _, write := files.Others(info); write {
		return fmt.Sprintf("everybody can write to its folder (mode %04o): chmod o-w %s, or choose another --state-dir", info.Mode().Perm(), dir)
	}
	return ""
}

// guard says once that others can change the file, for as long as they can.
func (s *Shelf) guard() {
	text := exposed(s.config.Dir)
	if s.change(func(st *state) { st.exposed = text }) && text != "" {
		s.log.Warn("others can change the last known catalog", "file", s.path, "error", text)
	}
}
