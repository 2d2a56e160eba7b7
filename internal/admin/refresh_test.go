package admin

import (
	"strings"
	"testing"
)

func TestThePageIsRefreshedByItsOwnScriptAndNotLoadedAnew(t *testing.T) {
	w := healthy().get(t, "/")
	page := w.Body.String()
	const without = `<noscript><meta http-equiv="refresh" content="30"></noscript>` // for browsers without JavaScript
	if !strings.Contains(page, without) || strings.Count(page, "http-equiv") > 1 {
		t.Error("the browser shall load the page anew where it has no JavaScript, and nowhere else: what was selected is lost, and where Legate is away the page is, too")
	}
	for _, want := range []string{`<script src="/page.js" defer></script>`, `id="away"`, `id="now"`, `data-build="v1.2.3"`, "<noscript>"} {
		if !strings.Contains(page, want) {
			t.Errorf("want %q in\n%s", want, page)
		}
	}
	policy := w.Header().Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "connect-src 'self'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("policy %q lacks %q", policy, want)
		}
	}
	script := healthy().get(t, "/page.js")
	if script.Code != 200 || !strings.HasPrefix(script.Header().Get("Content-Type"), "text/javascript") || !strings.Contains(script.Body.String(), "fetch(") {
		t.Errorf("%d %v %s", script.Code, script.Header(), script.Body)
	}
}

// A refresh matches elements by their keys: two elements with the same key would swap their
// content.
func TestWhatIsRefreshedHasOneKeyEach(t *testing.T) {
	page := manyReject(5).get(t, "/").Body.String()
	seen := map[string]bool{}
	for _, part := range strings.Split(page, `data-key="`)[1:] {
		key, _, _ := strings.Cut(part, `"`)
		if seen[key] {
			t.Errorf("two things have the key %q", key)
		}
		seen[key] = true
	}
	if len(seen) < 10 {
		t.Errorf("only %d keys", len(seen))
	}
}
