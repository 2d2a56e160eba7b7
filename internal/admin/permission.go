package admin

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"legate/internal/files"
	"legate/internal/quote"
)

// permission decides who may make changes: clients of a unix socket, which only users with access
// by its mode and group can open (by default Legate's own user), and clients that send the token in
// the file. Loopback alone is not enough, since every program and every web page on this machine
// can reach it.
type permission struct {
	tokenFile string // empty: changes over the socket only
	guesses   *guesses
	now       func() time.Time
}

// refusal says why a request may not make changes.
type refusal struct {
	code  int
	limit string        // the limit's name in metrics and status
	why   string        // told to the client
	cause string        // told in the log and the status only
	wait  time.Duration // before the client may try again
}

// refuse returns why a request may not make changes; nil if it may. A request without a token is
// refused before the file is read. After too many wrong tokens an address must wait, and even the
// right token is refused meanwhile: otherwise guessing would not be slowed.
func (p permission) refuse(r *http.Request) *refusal {
	if overSocket(r) {
		return nil
	}
	if p.tokenFile == "" {
		return &refusal{code: http.StatusForbidden, limit: refusedChange, why: withoutToken}
	}
	given := bearer(r.Header.Get("Authorization"))
	if given == "" {
		return &refusal{code: http.StatusUnauthorized, limit: refusedChange, why: sendToken}
	}
	wait, refund := p.guesses.wait(addressOf(r), p.now())
	if wait > 0 {
		return &refusal{code: http.StatusTooManyRequests, limit: refusedGuess, wait: wait,
			why: fmt.Sprintf("too many wrong tokens from this address: wait %v, or use the unix socket (--admin-socket), which needs none", wait.Round(time.Second))}
	}
	token, err := files.ReadToken(p.tokenFile) // read each time: changes are rare, and a new token is valid at once
	if err != nil {
		refund()
		return &refusal{code: http.StatusServiceUnavailable, limit: refusedChange, why: "the admin token file cannot be used: see Legate's log",
			cause: fmt.Sprintf(": admin token file %q is unusable, all changes are refused: %v", p.tokenFile, err)}
	}
	want, got := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(given))
	if subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
		return &refusal{code: http.StatusUnauthorized, limit: refusedChange, why: sendToken}
	}
	refund()
	return nil
}

// Texts for clients without permission. They do not name the path of the socket.
const (
	sendToken    = "send the token of --admin-token-file: Authorization: Bearer TOKEN"
	withoutToken = "changes are not accepted here without a token, and Legate was started without --admin-token-file; " +
		"they are accepted over its unix socket (--admin-socket, or admin.sock in its --state-dir: its log names it at the start), as the user that it runs as"
)

// bearer returns the token in an Authorization header: the scheme is case-insensitive, and one or
// more spaces follow it (RFC 9110, section 11.4). It is empty if there is no token.
func bearer(header string) string {
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.Trim(token, " ")
}

// requirePermission passes on only POST requests with permission.
func (s *Server) requirePermission(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "this changes something: use POST", http.StatusMethodNotAllowed)
			return
		}
		if no := s.permission.refuse(r); no != nil {
			s.refusals.Add(no.limit, r.RemoteAddr, fmt.Sprintf("%s: %d: %s%s", quote.Name(r.URL.Path), no.code, no.why, no.cause), "find out who that is, and why it calls Legate")
			if no.code == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", "Bearer")
			}
			if no.wait > 0 {
				w.Header().Set("Retry-After", strconv.Itoa(int(no.wait.Seconds())+1))
			}
			http.Error(w, no.why, no.code)
			return
		}
		s.log.Info("an operator changes something", "path", quote.Name(r.URL.Path), "query", r.URL.RawQuery, "by", by(r), "peer", who(r))
		r.Body = http.MaxBytesReader(w, r.Body, maxChange)
		next.ServeHTTP(w, r)
	})
}

// by is what gives a request its permission.
func by(r *http.Request) string {
	if overSocket(r) {
		return "unix socket"
	}
	return "token"
}

// who is the address of a client, or over a unix socket its user and process.
func who(r *http.Request) string {
	user, _ := r.Context().Value(userKey{}).(string)
	return cmp.Or(user, r.RemoteAddr)
}

// maxChange is the size limit of the body of such a request in bytes.
const maxChange = 64 << 10
