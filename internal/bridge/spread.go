package bridge

import (
	"slices"
	"time"

	"legate/discovery/catalog"
	"legate/translate"
	"legate/translate/policy"
	"legate/xdsserver"
)

// surveyed is how many units are compared with a new policy together, in some milliseconds. Other changes pass in
// between.
const surveyed = 100

// spreading is what the bridge knows of a change of policy on its way. Only Run uses it.
type spreading struct {
	touched  []translate.Behind // by the change that is surveyed, so far
	rollout  rollout
	changed  []translate.Name // by rollouts since the last time when none was under way, and by what came in between
	since    time.Time        // when Consul gave the answer behind the last change; zero: it is the operator's
	timer    *time.Timer      // when to go on; nil: there is nothing to do
	was      Rollout          // as it was last told
	halted   time.Time        // since when it goes on no further, told or not
	outvoted bool             // it was logged that it goes on although a client rejects it
	awaiting bool             // a survey is under way
}

// Spread sets over how long a change of policy goes out that touches more than ten clusters; 0: at once. It may be
// called at any time, also for a change on its way.
func (b *Bridge) Spread(over time.Duration) { b.over.Store(int64(over)) }

// adopt takes in what the operator wants. Survey and rollout bring it into force.
func (b *Bridge) adopt(p policy.Policies) {
	b.policies = p
	if b.State().Ready() { // else the first Delta is translated with it
		b.endSurvey()
		b.spreading.touched, b.spreading.since = nil, time.Time{}
		b.publish(b.State().Resources.Propose(p))
		b.survey()
	}
}

// take takes a Delta over. Services change at once; what its config entries change goes the way of a policy.
func (b *Bridge) take(d catalog.Delta) {
	entries := len(d.Entries)+len(d.GoneEntries) > 0
	if entries {
		b.endSurvey()
		b.spreading.touched, b.spreading.since = nil, d.Since
	}
	to, _, touched := b.State().Resources.Take(d)
	led := b.led.waitingOf(to.Due(d))
	touched = slices.DeleteFunc(touched, func(u translate.Behind) bool {
		if u.Led {
			led = append(led, u)
		}
		return u.Led
	})
	if entries && len(touched) <= manyClusters {
		led, touched = append(led, touched...), nil // with the instances of the same Delta, in one batch
	}
	to = b.advance(to, led, d.Since)
	b.recordDelta(d, b.publish(to))
	if entries {
		b.spreading.touched = touched
		b.survey()
	}
	b.spreading.forgetChanged()
}

// goOn does the next bit of what is under way.
func (b *Bridge) goOn() {
	b.spreading.timer = nil
	if b.spreading.awaiting {
		b.survey()
	} else {
		b.roll()
	}
}

// survey compares some units with the newest policy. After the last of them it begins to bring it into force.
func (b *Bridge) survey() {
	s := &b.spreading
	to, touched, more := b.State().Resources.Survey(surveyed)
	s.touched = append(s.touched, touched...)
	s.awaiting = more
	b.publish(to)
	if more {
		b.after(0)
		return
	}
	b.begin()
}

// endSurvey ends a survey that is under way, as another change comes.
func (b *Bridge) endSurvey() {
	for b.spreading.awaiting {
		b.survey()
	}
}

// begin brings into force what was surveyed: at once if it touches few clusters, else by a rollout of all that is
// behind, also because of changes before.
func (b *Bridge) begin() {
	s := &b.spreading
	now := b.State().Resources
	if few := s.touched; len(few) <= manyClusters {
		b.publish(b.advance(now, few, s.since))
	} else {
		s.rollout = rolloutOf(now.Behind(), time.Now())
		b.log.Info("policy goes out", "clusters", len(s.rollout.units), "touched", len(few), "over", time.Duration(b.over.Load()).String())
	}
	s.touched = nil
	b.roll()
}

// roll has the clusters take the new policy whose time has come.
func (b *Bridge) roll() {
	s := &b.spreading
	old := b.State()
	if s.rollout.ended() || !old.Resources.AnyBehind() {
		b.endRollout()
		return
	}
	now, over := time.Now(), time.Duration(b.over.Load())
	votes := b.server.Votes(old.View, s.changed)
	mended := s.mended(old.Resources, &votes)
	next, units, wait := s.rollout.step(now, over, verdictOf(votes))
	s.rollout = next
	if len(mended) > atOnce {
		mended, wait = mended[:atOnce], 0
	}
	if units = append(mended, units...); len(units) > 0 {
		b.publish(b.advance(old.Resources, units, time.Time{})) // they waited on purpose: that is no delay of the change
	}
	if s.rollout.ended() {
		b.endRollout()
		return
	}
	b.tell(now, votes)
	b.after(wait)
}

// mended takes from what clients reject the resources of clusters for which there is a newer policy. Those clusters
// do not wait: what clients have cannot be worse, and until it changes nothing else would. What others take waits for
// its turn, else a client that rejects everything would have all of it go out at once.
func (s *spreading) mended(r translate.Resources, votes *xdsserver.Votes) (mended []translate.Behind) {
	if verdictOf(*votes) == taken {
		return nil
	}
	behind := map[translate.Name][]translate.Behind{} // several may share a secret
	for _, u := range r.Behind() {
		for _, n := range r.NamesOf(u) {
			behind[n] = append(behind[n], u)
		}
	}
	votes.Rejected = slices.DeleteFunc(votes.Rejected, func(one xdsserver.Rejected) bool {
		units := behind[one.Name]
		mended = append(mended, units...)
		return len(units) > 0
	})
	if len(votes.Rejected) == 0 {
		votes.Against = 0
	}
	return mended
}

// advance builds units from the newest sources that wait for nothing more, and notes what clients may reject of it.
func (b *Bridge) advance(to translate.Resources, units []translate.Behind, since time.Time) translate.Resources {
	units = b.ready(to, units)
	to, _ = to.Advance(units, since)
	b.noteChanged(to, units)
	return to
}

// noteChanged notes what clients may reject of units that have changed.
func (b *Bridge) noteChanged(to translate.Resources, units []translate.Behind) {
	for _, u := range units {
		b.spreading.changed = append(b.spreading.changed, to.NamesOf(u)...)
	}
}

// forgetChanged forgets what was changed, if nothing is under way.
func (s *spreading) forgetChanged() {
	if s.timer == nil {
		s.changed = nil
	}
}

// after has goOn called later, and not at any time that was said before.
func (b *Bridge) after(wait time.Duration) {
	if b.spreading.timer != nil {
		b.spreading.timer.Stop()
	}
	b.spreading.timer = time.NewTimer(wait)
}

// due is when there is something to do.
func (s *spreading) due() <-chan time.Time {
	if s.timer == nil {
		return nil
	}
	return s.timer.C
}

// endRollout ends what is under way: the policy is in force.
func (b *Bridge) endRollout() {
	s := &b.spreading
	if s.timer != nil {
		s.timer.Stop()
	}
	if s.was.Changed+s.was.Waiting > 0 {
		b.log.Info("policy is in force everywhere", "clusters", len(s.rollout.units), "seconds", seconds(time.Since(s.was.Since)))
	}
	*s = spreading{touched: s.touched, awaiting: s.awaiting, since: s.since}
	b.told(s.was)
}
