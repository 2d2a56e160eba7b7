//go:build !unix

package files

import "io/fs"

// Foreign knows no owners on this system.
func Foreign(fs.FileInfo) (uid int, foreign bool) { return 0, false }

// Others knows no modes on this system.
func Others(fs.FileInfo) (read, write bool) { return false, false }
