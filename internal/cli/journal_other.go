//go:build !unix

package cli

import "io"

// toJournal is always false: there is no systemd.
func toJournal(io.Writer, func(string) string) bool { return false }
