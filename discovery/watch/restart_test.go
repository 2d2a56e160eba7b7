package watch

import (
	"testing"
)

func TestAQuestionThatIsInterruptedStartsOver(t *testing.T) {
	var a restarter
	first, over := a.begin(t.Context())
	if over || restarted(first) {
		t.Error("nobody interrupted it")
	}
	a.restart()
	if !restarted(first) || first.Err() == nil {
		t.Error("the question under way goes on")
	}
	second, over := a.begin(t.Context())
	if !over || restarted(second) || second.Err() != nil {
		t.Error("the next one does not start over, or is interrupted, too")
	}
	third, over := a.begin(t.Context())
	if over || third.Err() != nil {
		t.Error("one interruption counts twice")
	}
	if second.Err() == nil || restarted(second) {
		t.Error("a question goes on while the next one is asked, or is taken for interrupted")
	}
	a.restart() // after the answer, before the next question
	if fourth, over := a.begin(t.Context()); !over || fourth.Err() != nil {
		t.Error("an interruption between two questions is lost")
	}
}
