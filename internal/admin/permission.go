package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"legate/internal/files"
)

// permission decides who may change something: who comes over a unix socket, which only those can
// open whom its mode and group let (by default Legate's own user), and who knows the token in the
// file. Nobody else, also on loopback: any program and any web page of this machine can reach that.
type permission struct {
	tokenFile string // empty: only over the socket
	socket    string // its path, for who comes elsewhere; empty: there is none
}

// refusal says why a request may not change anything; the code is 0 if it may.
func (p permission) refusal(r *http.Request, log *slog.Logger) (code int, why string) {
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && local.Network() == "unix" {
		return 0, ""
	}
	if p.tokenFile == "" {
		return http.StatusForbidden, p.elsewhere()
	}
	token, err := files.ReadToken(p.tokenFile) // each time: changes are rare, and a changed file counts at once
	if err != nil {
		log.Warn("admin token file is unusable, changes are refused", "file", p.tokenFile, "error", err)
		return http.StatusServiceUnavailable, "the admin token file cannot be used: see Legate's log"
	}
	given, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	want, got := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(given))
	if subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
		return http.StatusUnauthorized, "send the token of --admin-token-file: Authorization: Bearer TOKEN"
	}
	return 0, ""
}

// elsewhere says how changes are taken, where that is not here.
func (p permission) elsewhere() string {
	if p.socket != "" {
		return "changes are taken over its unix socket: --admin-socket " + p.socket + ", as the user that Legate runs as"
	}
	return "changes are taken over a unix socket (--admin-socket, or the one in --state-dir), or with a token (--admin-token-file); Legate was started with neither"
}

// writing lets only who has permission through to what changes something, and only with POST.
func (s *Server) writing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "this changes something: use POST", http.StatusMethodNotAllowed)
			return
		}
		if code, why := s.permission.refusal(r, s.log); code != 0 {
			s.log.Warn("change refused", "path", r.URL.Path, "peer", r.RemoteAddr, "code", code)
			if code == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", "Bearer")
			}
			http.Error(w, why, code)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxChange)
		next.ServeHTTP(w, r)
	})
}

// maxChange bounds the body of a writing call.
const maxChange = 64 << 10
