package discovery

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// A command to a site that has just ended, or to all when Legate stops, has nobody who would hear it.
func TestAReleaseDoesNotWaitForWhatHasEnded(t *testing.T) {
	fake := newFakeSites(newFakeConsul("web")).with("dc2", newFakeConsul("web"))
	federating(t, sitesConfig(), fake, nowhere, func(t *testing.T, r *federated) {
		dc2 := r.others()[0]
		dc2.stop()
		synctest.Wait()
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if n := r.Release(ctx, "web.dc2") + r.ReleaseSite(ctx, "dc2"); n != 0 || time.Since(began) > 0 {
			t.Errorf("%d released of a site that ended, after %v", n, time.Since(began))
		}
		must(t, r.end())
		began = time.Now()
		if n := r.Release(ctx, "") + r.ReleaseSite(ctx, "dc2"); n != 0 || time.Since(began) > 0 {
			t.Errorf("%d released after the end, after %v", n, time.Since(began))
		}
	})
}
