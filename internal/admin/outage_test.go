package admin

import (
	"fmt"
	"strings"
	"testing"
)

// Somebody on call follows an outage from the overview to its cause: with a mouse on a desktop, and with nothing but Tab and Enter
// on a phone's width. What is followed is a link or a button that the page before shows.
func TestInABrowserAnOutageIsFollowedToItsCause(t *testing.T) {
	t.Parallel()
	s := open(t, shop(t))
	s.config = func(c *Config) { c.Socket = "/var/lib/legate/admin.sock" }
	b := openBrowser(t, "http://"+s.addr+"/")
	b.loaded()
	steps := []struct {
		follow string // what is clicked
		leads  string // the path and query that it leads to
		says   string // what the page says
	}{
		{"", "/", "Envoy edge-2 rejects endpoints of payments"},
		{`.concerns a[href="/services/payments"]`, "/services/payments", "check http:/healthz is critical"},
		{`[data-key="changes"] a[href="/changes?service=payments"]`, "/changes?service=payments", "10.0.2.2:8080 health passing → critical (check http:/healthz)"},
		{`tbody a[href="/services/payments"]`, "/services/payments", "edge-2"},
		{`[data-key="clients"] a[href="/nodes/edge-2"]`, "/nodes/edge-2", "payments: malformed IP address: payments.internal"},
		{`nav a[href="/consul"]`, "/consul", "1 of 2"},
		{`button[value="stock"]`, "/consul?release=stock", "legate holds release --service stock --admin-socket /var/lib/legate/admin.sock"},
		{`.release a[href="/consul"]`, "/consul", "1 of 2"},
		{`.brand a`, "/", "How to release them"},
	}
	for _, by := range []struct {
		name, scheme string
		width        int
		follow       func(string)
	}{{"mouse", "light", 1280, b.click}, {"keyboard", "dark", 390, b.tab}} {
		b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": by.scheme}}}, nil)
		b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": by.width, "height": 700, "deviceScaleFactor": 1, "mobile": false}, nil)
		for _, step := range steps {
			if step.follow != "" {
				b.leads(func() { by.follow(step.follow) })
			}
			if at := b.text(`location.pathname + location.search`); at != step.leads {
				t.Fatalf("by %s: %s leads to %s, want %s", by.name, step.follow, at, step.leads)
			}
			if said := b.text(`document.querySelector("main").innerText`); !strings.Contains(said, step.says) {
				t.Fatalf("by %s: %s does not say %q:\n%s", by.name, step.leads, step.says, said)
			}
			if beyond := b.text(`document.documentElement.scrollWidth - document.documentElement.clientWidth`); beyond != "0" {
				t.Errorf("by %s: %s is %s px wider than a window of %d", by.name, step.leads, beyond, by.width)
			}
		}
	}
}

// click clicks with the mouse on the first element that matches. Something that covers it would be clicked instead.
func (b *browser) click(selector string) {
	b.t.Helper()
	at := b.text(fmt.Sprintf(`(() => { const e = document.querySelector(%q); if (!e) return "0 0"; e.scrollIntoView({block: "center"});
		const r = e.getClientRects()[0]; return (r.x + r.width / 2) + " " + (r.y + r.height / 2) })()`, selector))
	var x, y float64
	if _, err := fmt.Sscan(at, &x, &y); err != nil || x == 0 {
		b.t.Fatalf("there is no %s to click on: %s", selector, at)
	}
	for _, kind := range []string{"mousePressed", "mouseReleased"} {
		b.call("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1}, nil)
	}
}

// tab presses Tab until the focus is on an element that matches, and then Enter. Where the focus is must be seen.
func (b *browser) tab(selector string) {
	b.t.Helper()
	for range 200 {
		b.press("Tab", 9, "")
		switch b.text(fmt.Sprintf(`document.activeElement.matches(%q) + " " + (getComputedStyle(document.activeElement).outlineStyle !== "none")`, selector)) {
		case "true true":
			b.press("Enter", 13, "\r")
			return
		case "true false":
			b.t.Errorf("the focus on %s is not seen", selector)
		}
	}
	b.t.Fatalf("Tab does not reach %s", selector)
}

func (b *browser) press(key string, code int, text string) {
	b.t.Helper()
	for _, kind := range []string{"keyDown", "keyUp"} {
		event := map[string]any{"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code}
		if kind == "keyDown" && text != "" {
			event["text"] = text
		}
		b.call("Input.dispatchKeyEvent", event, nil)
	}
}
