//go:build !unix

package files

import "io/fs"

// Foreign and Others know no owners and modes here.
func Foreign(fs.FileInfo) (uid int, foreign bool) { return 0, false }

// Others says what every user of the machine may do with a file or folder.
func Others(fs.FileInfo) (read, write bool) { return false, false }
