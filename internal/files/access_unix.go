//go:build unix

package files

import (
	"io/fs"
	"os"
	"syscall"
)

// Foreign reports whether a file or folder belongs to a user other than root and the one that this
// program runs as, and returns that user's id.
func Foreign(info fs.FileInfo) (uid int, foreign bool) {
	of, known := info.Sys().(*syscall.Stat_t)
	if !known {
		return 0, false
	}
	return int(of.Uid), stranger(int(of.Uid), os.Geteuid())
}

func stranger(uid, own int) bool { return uid != 0 && uid != own }

// Others reports what every user of the machine may do with a file or folder.
func Others(info fs.FileInfo) (read, write bool) {
	return info.Mode()&0o004 != 0, info.Mode()&0o002 != 0
}
