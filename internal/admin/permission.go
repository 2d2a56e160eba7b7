package admin

import (
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

// permission decides who may change something: who comes over a unix socket, which only those can
// open whom its mode and group let (by default Legate's own user), and who knows the token in the
// file. Nobody else, also on loopback: any program and any web page of this machine can reach that.
type permission struct {
	tokenFile string // empty: only over the socket
	guesses   *guesses
	now       func() time.Time
}

// refusal is why a request may not change anything.
type refusal struct {
	code  int
	limit string        // as it is counted
	why   string        // as it is said to who asks
	cause string        // and what only the log and the status say of it
	wait  time.Duration // before it may be tried again
}

// refuse says why a request may not change anything; nil if it may. Whoever sends no token hears so
// without a file being read. Who has sent too many wrong ones waits, and a right one is not told from
// them meanwhile: else it would not be slowed.
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
	wait, pardon := p.guesses.wait(addressOf(r), p.now())
	if wait > 0 {
		return &refusal{code: http.StatusTooManyRequests, limit: refusedGuess, wait: wait,
			why: fmt.Sprintf("too many wrong tokens from this address: wait %v, or use the unix socket (--admin-socket), which needs none", wait.Round(time.Second))}
	}
	token, err := files.ReadToken(p.tokenFile) // each time: changes are rare, and a changed file counts at once
	if err != nil {
		pardon()
		return &refusal{code: http.StatusServiceUnavailable, limit: refusedChange, why: "the admin token file cannot be used: see Legate's log",
			cause: fmt.Sprintf(": admin token file %q is unusable, all changes are refused: %v", p.tokenFile, err)}
	}
	want, got := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(given))
	if subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
		return &refusal{code: http.StatusUnauthorized, limit: refusedChange, why: sendToken}
	}
	pardon()
	return nil
}

// What who may not change anything is told. Where the socket is nobody hears who could not open it.
const (
	sendToken    = "send the token of --admin-token-file: Authorization: Bearer TOKEN"
	withoutToken = "changes are not taken here without a token, and Legate was started without --admin-token-file; " +
		"they are taken over its unix socket (--admin-socket, or admin.sock in its --state-dir: its log names it at the start), as the user that it runs as"
)

// bearer is the token in an Authorization header: after the scheme, whose case does not count, and one
// space or more (RFC 9110, section 11.4). It is empty if there is none.
func bearer(header string) string {
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.Trim(token, " ")
}

// writing lets only who has permission through to what changes something, and only with POST.
func (s *Server) writing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "this changes something: use POST", http.StatusMethodNotAllowed)
			return
		}
		if no := s.permission.refuse(r); no != nil {
			s.refusals.Add(no.limit, r.RemoteAddr, fmt.Sprintf("%s: %d: %s%s", quote.Name(r.URL.Path), no.code, no.why, no.cause), "look who that is, and what it has to do with Legate")
			if no.code == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", "Bearer")
			}
			if no.wait > 0 {
				w.Header().Set("Retry-After", strconv.Itoa(int(no.wait.Seconds())+1))
			}
			http.Error(w, no.why, no.code)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxChange)
		next.ServeHTTP(w, r)
	})
}

// maxChange bounds the body of a writing call.
const maxChange = 64 << 10
