package watch

import (
	"testing"
)

func TestAQuestionThatIsInterruptedStartsOver(t *testing.T) {
	var a restarter
	first, over, end := a.begin(t.Context())
	if over || restarted(first) {
		t.Error("nobody interrupted it")
	}
	a.restart()
	if !restarted(first) || first.Err() == nil {
		t.Error("the question under way goes on")
	}
	end()
	second, over, end := a.begin(t.Context())
	if !over || restarted(second) || second.Err() != nil {
		t.Error("the next one does not start over, or is interrupted, too")
	}
	end()
	if second.Err() == nil || restarted(second) {
		t.Error("the end of a question is no interruption")
	}
	a.restart() // between two questions
	if third, over, end := a.begin(t.Context()); !over || third.Err() != nil {
		t.Error("an interruption between two questions is lost")
	} else {
		end()
	}
	if _, over, end := a.begin(t.Context()); over {
		t.Error("one interruption counts twice")
	} else {
		end()
	}
}
