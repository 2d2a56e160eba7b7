package lastknown

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A clock that was set back leaves a file with a date in the future.
func TestADateAheadIsCalledAhead(t *testing.T) {
	path := stored(t, header, catalogOf(1, "shop"))
	_, c, err := load(path, scope, 24*time.Hour, header.Believed.Add(-25*time.Hour))
	if !errors.Is(err, errAhead) || !c.Empty() || !strings.Contains(err.Error(), "25h0m0s ahead of this machine's clock, and the most is 24h0m0s") ||
		!strings.Contains(err.Error(), "set the clock") || strings.Contains(err.Error(), "ago") {
		t.Errorf("%v", err)
	}
	if _, c, err := load(path, scope, 24*time.Hour, header.Believed.Add(-24*time.Hour)); err != nil || c.Empty() {
		t.Errorf("a day ahead: %v", err)
	}
	if a := age(header.Believed, header.Believed); a.Key != "age_seconds" {
		t.Errorf("what is of now is %v", a)
	}
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, from(t, time.Now().Add(22*time.Hour+s3), catalogOf(1, "a")))
		<-s.out
		synctest.Wait()
		st := s.Status()
		if got := st.Age(time.Now()); !strings.Contains(got, "dated 22h0m0s ahead of this machine's clock") || strings.Contains(got, "ago") {
			t.Error(got)
		}
		if got := st.Age(st.Believed); !strings.Contains(got, "as Consul said it 0s ago") {
			t.Error(got)
		}
		said := s.log.String()
		if strings.Contains(said, "age_seconds") || !strings.Contains(said, "ahead_seconds=79203") || !strings.Contains(said, "ahead_seconds=79200") {
			t.Error(said)
		}
		if st.Expired {
			t.Error("it is expired")
		}
		time.Sleep(46 * time.Hour)
		if st := s.Status(); st.Expired {
			t.Errorf("expired %v after its date", time.Since(st.Believed))
		}
		time.Sleep(time.Nanosecond)
		if !s.Status().Expired {
			t.Error("it is not expired a day after its date")
		}
	})
}

const s3 = 3 * time.Second // the grace
