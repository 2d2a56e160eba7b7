package watch

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/consul"
	"legate/internal/consultest"
)

// The agent's datacenter is asked for until there is an answer: where Consul is away as often as the canary asks,
// which comes later. Where the agent refuses to tell, what is known is taken, and that ends with an error otherwise.
func TestTheDatacenterOfTheAgent(t *testing.T) {
	const self = "/v1/agent/self"
	tells := func(question) (*http.Response, error) {
		return consultest.Answer(200, 0, `{"Config": {"Datacenter": "dc7"}}`), nil
	}
	unknown := func(question) (*http.Response, error) {
		return consultest.Answer(403, 0, "ACL system must be bootstrapped before making any requests that require authorization: ACL not found"), nil
	}
	for _, c := range []struct {
		name        string
		first       spoiler // for a minute
		then        spoiler
		known       string
		noCanary    bool
		want        string // also of the error
		least, most int    // questions in a minute
	}{
		{"it tells", tells, nil, "", false, "dc7", 1, 1},
		{"it is away", lose, tells, "dc1", false, "dc7", 300, 400},
		{"it has no leader", refuse(500), tells, "dc1", false, "dc7", 300, 400},
		{"it hangs", hang, tells, "", false, "dc7", 3, 3},
		{"it is away, and nobody looks for a restart", lose, tells, "", true, "dc7", 5, 60},
		{"it knows no token yet", inTurn(10*time.Second, unknown, tells), nil, "", false, "dc7", 5, 20},
		{"it does not know the token", unknown, nil, "", false, "--datacenter", 5, 20},
		{"it is away again and again, and knows no token yet", inTurn(5*time.Second, unknown, lose, lose, lose, unknown, tells), nil, "", false, "dc7", 20, 150},
		{"it is none of Consul's answers", refuse(404), tells, "", false, "dc7", 5, 60},
		{"it denies", refuse(403), nil, "dc1", false, "dc1", 1, 1},
		{"it does not understand", refuse(400), nil, "dc1", false, "dc1", 1, 1},
		{"it denies, and nothing is known", refuse(403), nil, "", false, "--datacenter", 1, 1},
		{"it does not understand, and nothing is known", refuse(400), nil, "", false, "check the namespace", 1, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			a := newAsking(t, func(cfg *Config, _ *consul.Config) {
				if !c.noCanary {
					cfg.Canary = 15 * time.Second
				}
			})
			asked := func() int { return len(a.take(func(q question) bool { return q.path == self })) }
			a.spoilWith(c.first)
			var got string
			var err error
			over := false
			go func() {
				got, err = a.Datacenter(t.Context(), c.known)
				over = true
			}()
			time.Sleep(time.Minute)
			if n := asked(); n < c.least || n > c.most || over != (c.then == nil) {
				t.Errorf("%s: asked %d times in a minute, want %d to %d", c.name, n, c.least, c.most)
			}
			if !over {
				if a.Status().Connected || len(a.Status().Problems) != 1 {
					t.Errorf("%s: status %+v", c.name, a.Status())
				}
				a.spoilWith(c.then)
				time.Sleep(31 * time.Second)
				synctest.Wait()
			}
			if err != nil {
				if got != "" || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s: %q, %v", c.name, got, err)
				}
			} else if got != c.want {
				t.Errorf("%s: %q, want %q", c.name, got, c.want)
			}
			if c.want == "dc7" && !a.Status().Connected {
				t.Errorf("%s: status %+v", c.name, a.Status())
			}
			if taken := a.log.Count("remedy="); c.want == "dc1" && taken != 1 {
				t.Errorf("%s: the log does not say what is taken:\n%s", c.name, a.log)
			}
		})
	}
}

// inTurn spoils in one way after the other, each for a while, and then goes on in the last way.
func inTurn(each time.Duration, spoils ...spoiler) spoiler {
	var began time.Time
	return func(q question) (*http.Response, error) {
		if began.IsZero() {
			began = time.Now()
		}
		return spoils[min(int(time.Since(began)/each), len(spoils)-1)](q)
	}
}

// Who does not want to know any more gets no answer, and no error, at once.
func TestTheDatacenterOfTheAgentIsNotWaitedForInVain(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil spoiler
		after time.Duration
		fails bool // in the log
	}{
		{"it is away", lose, 90*time.Second + time.Millisecond, true},
		{"it is none of Consul's", refuse(404), 90*time.Second + time.Millisecond, true},
		{"it hangs", hang, 5 * time.Second, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			a := newAsking(t, nil)
			a.spoilWith(c.spoil)
			ctx, cancel := context.WithTimeout(t.Context(), c.after)
			defer cancel()
			began := time.Now()
			if got, err := a.Datacenter(ctx, ""); got != "" || err != nil || time.Since(began) != c.after {
				t.Errorf("%s: %q, %v after %v", c.name, got, err, time.Since(began))
			}
			if (a.log.Count("level=WARN") > 0) != c.fails {
				t.Errorf("%s: the log:\n%s", c.name, a.log)
			}
		})
	}
}
