package admin

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"legate/discovery"
	"legate/internal/quote"
)

// release says how holds are released: the page shows commands, and changes nothing.
type release struct {
	What     string // is released
	Note     string // why there is no command, or what else to know
	Commands []releaseCommand
}

// releaseCommand is a command as it is typed, and where.
type releaseCommand struct{ Where, Line string }

// releaseOf says how a hold is released; nil if nobody asks.
func (s *Server) releaseOf(r *http.Request, holds []discovery.Hold) *release {
	name, all := r.URL.Query().Get("release"), r.URL.Query().Get("all") == "true"
	held := slices.ContainsFunc(holds, func(h discovery.Hold) bool { return h.Name() == name || h.Of() == name })
	out, what := release{What: quote.Name(name)}, "--service "+shellWord(name)
	switch {
	case all:
		out.What, what = "all holds", "--all"
		if held = len(holds) > 0; !held {
			out.Note = "Nothing is held now."
		}
	case name == "":
		return nil
	case !held:
		out.Note = "Nothing of it is held now."
	case !isPlain(name):
		held, out.Note = false, "Its name cannot be typed: release all, or repair it in Consul."
	}
	if held {
		out.Commands = s.releaseCommands(r, what)
		if len(out.Commands) == 0 {
			out.Note = "Legate accepts no changes now: start it with --admin-socket, --state-dir or --admin-token-file. Holds end by themselves, too."
		}
	}
	return &out
}

// releaseCommands are the ways to release that are open: each needs a right.
func (s *Server) releaseCommands(r *http.Request, what string) (all []releaseCommand) {
	if socket := s.config.Socket; socket != "" && isPlain(socket) {
		all = append(all, releaseCommand{"On Legate’s machine, as the user that it runs as (begin with sudo -u USER)", "legate holds release " + what + " --admin-socket " + shellWord(socket)})
	}
	if s.config.TokenFile != "" {
		at := ""
		if host := r.Host; !overSocket(r) && host != "127.0.0.1:18001" && isPlain(host) {
			if r.TLS != nil {
				host = "https://" + host
			}
			at = " --admin-addr " + shellWord(host)
		}
		all = append(all, releaseCommand{"With Legate’s admin token in the file TOKEN_FILE", "legate holds release " + what + at + " --admin-token-file TOKEN_FILE"})
	}
	return all
}

// isPlain reports whether a text can be copied from a page and typed as it is.
func isPlain(s string) bool { return len(s) <= quote.NameBytes && quote.Text(s, quote.NameBytes) == s }

// shellWord is a text as one word of a shell's command.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@%+,", r)
	}
	if s != "" && s[0] != '-' && !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return s
	}
	return fmt.Sprintf("'%s'", strings.ReplaceAll(s, "'", `'\''`))
}
