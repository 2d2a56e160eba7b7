package cli

import "runtime/debug"

// collectOften has garbage collected when the heap has grown by half, not by all of it, unless
// GOGC says otherwise. Most of what a Legate holds stays for as long as Consul has it and little
// is made anew, so collecting costs next to nothing.
// https://go.dev/doc/gc-guide#GOGC
func collectOften(getenv func(string) string) {
	if getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
}
