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

// trusted returns an error if another user could have written the file: its content may not come
// from Consul.
func trusted(info fs.FileInfo) error {
	if uid, foreign := files.Foreign(info); foreign {
		return fmt.Errorf("%w: its user is %d, and Legate's is %d", errOwner, uid, os.Geteuid())
	}
	if _, write := files.Others(info); write {
		return fmt.Errorf("%w: its mode is %04o", errOthers, info.Mode().Perm())
	}
	return nil
}

// exposed says how other users can change the content of the folder, with a remedy; empty if they
// cannot.
func exposed(dir string) string {
	info, err := os.Stat(dir)
	if err != nil {
		return "" // the next write reports it
	}
	if uid, foreign := files.Foreign(info); foreign {
		return fmt.Sprintf("its folder belongs to user %d, and Legate is user %d: chown %[2]d %s, or choose another --state-dir", uid, os.Geteuid(), dir)
	}
	if _, write := files.Others(info); write {
		return fmt.Sprintf("everybody can write to its folder (mode %04o): chmod o-w %s, or choose another --state-dir", info.Mode().Perm(), dir)
	}
	return ""
}

// warnIfExposed records whether other users can change the file, and logs it once for as long as they can.
func (s *Shelf) warnIfExposed() {
	text := exposed(s.config.Dir)
	if s.change(func(st *state) { st.exposed = text }) && text != "" {
		s.log.Warn("others can change the last known catalog", "file", s.path, "error", text)
	}
}
