package discovery

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"legate/internal/consultest"
)

func TestWhatBlockingQueriesMissShowsWithinFiveMinutes(t *testing.T) {
	fake := many(100, 2)
	cfg := guardedConfig()
	cfg.Consul.Wait = 10 * time.Minute // or the queries find it themselves when their wait is over
	inTime(t, cfg, fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.take()
		fake.silently("svc-042", 3)
		until(t, 5*time.Minute+10*time.Second, func() bool { return r.size("svc-042") == 3 })
		time.Sleep(5 * time.Minute)
		turns := map[string]int{}
		for _, q := range fake.take() {
			if q.consistent {
				turns[q.path]++
			}
		}
		for n := range 100 {
			if turns[healthPath+name(n)] == 0 {
				t.Errorf("%s was not read again", name(n))
			}
		}
	})
}

func TestANarrowedTokenShowsAlthoughNoIndexMoves(t *testing.T) {
	fake := many(10, 2)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.mu.Lock()
		fake.spoil = func(req *http.Request) (*http.Response, error) { // who waits hears nothing
			if req.URL.Path != healthPath+"svc-003" || req.URL.Query().Get("index") != "" {
				return nil, nil
			}
			resp := consultest.Answer(200, fake.at["svc-003"], "[]")
			resp.Header.Set("X-Consul-Results-Filtered-By-ACLs", "true")
			return resp, nil
		}
		fake.mu.Unlock()
		until(t, 5*time.Minute+10*time.Second, func() bool { return len(r.Status().Problems) > 0 })
		if p := r.Status().Problems; p[0].Kind != "filtered" || !strings.Contains(p[0].Remedy, "--consul-filtered-expected") {
			t.Errorf("problems: %+v", p)
		}
		time.Sleep(2 * time.Hour)
		if n := r.size("svc-003"); n != 2 {
			t.Errorf("%d instances", n)
		}
	})
}

// When a hold ends is said in the same words everywhere, and never lies in the past.
func TestAHoldThatConsulCannotConfirmSaysSo(t *testing.T) {
	fake := many(10, 4)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.set(name(3), 1)
		synctest.Wait()
		h := r.Holds()
		if len(h) != 1 || !strings.HasPrefix(h[0].Ends(time.Now()), "in 10s, at ") {
			t.Errorf("%+v", h)
		}
		fake.stop()
		time.Sleep(10 * time.Minute)
		h = r.Holds()
		if len(h) != 1 || !h[0].Until.IsZero() || h[0].Ends(time.Now()) != "when Consul confirms it" {
			t.Errorf("%+v", h)
		}
	})
}
