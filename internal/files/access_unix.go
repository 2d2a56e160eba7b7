//go:build unix

package files

import (
	"io/fs"
	"os"
	"syscall"
)

// Foreign is the number of the user to whom a file or folder belongs, if that is neither root nor
// the user that this program runs as.
func Foreign(info fs.FileInfo) (uid int, foreign bool) {
	of, known := info.Sys().(*syscall.Stat_t)
	if !known {
		return 0, false
	}
	uid = int(of.Uid)
	return uid, uid != 0 && uid != os.Geteuid()
}

// Others says what every user of the machine may do with a file or folder.
func Others(info fs.FileInfo) (read, write bool) {
	return info.Mode()&0o004 != 0, info.Mode()&0o002 != 0
}
