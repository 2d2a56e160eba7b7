package admin

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"legate/xdsserver"
)

// browser is a Chromium with one page, controlled over its DevTools protocol:
// https://chromedevtools.github.io/devtools-protocol/
type browser struct {
	t       *testing.T
	in      io.Writer
	out     *bufio.Reader
	pipe    *os.File // what out reads
	session string
	last    int
	loads   int // of pages, since their events were asked for
}

// openBrowser loads a page in this machine's Chromium. Without one, the test is skipped.
func openBrowser(t *testing.T, url string) *browser {
	t.Helper()
	if testing.Short() {
		t.Skip("needs an external program")
	}
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			program = found
			break
		}
	}
	if program == "" {
		t.Skip("there is no Chromium on this machine")
	}
	theirIn, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	// The protocol runs over the file descriptors 3 and 4. The sandbox does not work for root.
	cmd := exec.Command(program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--user-data-dir="+t.TempDir(), "--remote-debugging-pipe", "about:blank")
	cmd.ExtraFiles = []*os.File{theirIn, theirOut}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirIn.Close()
	theirOut.Close()
	b := &browser{t: t, in: in, out: bufio.NewReader(out), pipe: out}
	t.Cleanup(func() {
		b.call("Browser.close", nil, nil)
		_ = cmd.Wait() // its exit status does not matter
		in.Close()
		out.Close()
	})
	var target struct{ TargetID string }
	b.call("Target.createTarget", map[string]any{"url": url}, &target)
	var attached struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	return b
}

// message is an answer to a call, or an event.
type message struct {
	ID            int
	Method        string
	Error, Result json.RawMessage
}

// read waits for the next message, and counts the pages that have loaded.
func (b *browser) read() (m message, err error) {
	line, err := b.out.ReadBytes(0)
	if err != nil {
		return m, err
	}
	err = json.Unmarshal(line[:len(line)-1], &m)
	if m.Method == "Page.loadEventFired" {
		b.loads++
	}
	return m, err
}

// call waits for the answer to one call.
func (b *browser) call(method string, params, result any) {
	b.t.Helper()
	b.last++
	request := map[string]any{"id": b.last, "method": method, "params": params}
	if params == nil {
		request["params"] = map[string]any{}
	}
	if b.session != "" && !strings.HasPrefix(method, "Browser.") {
		request["sessionId"] = b.session
	}
	raw, err := json.Marshal(request)
	if err == nil {
		_, err = b.in.Write(append(raw, 0))
	}
	var answer message
	for err == nil && answer.ID != b.last {
		answer, err = b.read()
	}
	if err == nil && answer.Error != nil {
		b.t.Fatalf("%s: %s", method, answer.Error)
	}
	if err == nil && result != nil {
		err = json.Unmarshal(answer.Result, result)
	}
	if err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
}

// leads does something that leads to another page, and waits until that has loaded.
func (b *browser) leads(do func()) {
	b.t.Helper()
	b.call("Page.enable", nil, nil)
	before := b.loads
	do()
	if err := b.pipe.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		b.t.Fatal(err)
	}
	for b.loads == before {
		if _, err := b.read(); err != nil {
			b.t.Fatalf("it leads nowhere: %v", err)
		}
	}
	if err := b.pipe.SetReadDeadline(time.Time{}); err != nil {
		b.t.Fatal(err)
	}
}

// text returns the value of a JavaScript expression as a string.
func (b *browser) text(expression string) string {
	b.t.Helper()
	var answer struct {
		Result           struct{ Value any }
		ExceptionDetails json.RawMessage
	}
	b.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &answer)
	if answer.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", expression, answer.ExceptionDetails)
	}
	return fmt.Sprint(answer.Result.Value)
}

// until waits until an expression has the value that is wanted.
func (b *browser) until(expression, want string) {
	b.t.Helper()
	got := ""
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if got = b.text(expression); strings.Contains(got, want) {
			return
		}
	}
	b.t.Fatalf("%s is %q and does not become %q", expression, got, want)
}

// loaded waits for the page: the browser starts with an empty one.
func (b *browser) loaded() {
	b.t.Helper()
	b.until(`document.readyState + " " + (document.querySelector("footer a") !== null)`, "complete true")
}

// site is a web server that can be stopped and started again at the same address.
type site struct {
	t      *testing.T
	now    atomic.Pointer[house]
	addr   string
	server *http.Server
	config func(*Config) // changes that of the pages; nil: not at all
	silent atomic.Bool   // something in between keeps events back
	most   int           // pages that are live
}

// open starts a site that runs until the test ends.
func open(t *testing.T, h *house) *site {
	t.Helper()
	s := &site{t: t, addr: "127.0.0.1:0", most: 100}
	s.now.Store(h)
	s.start()
	t.Cleanup(func() { s.stop() })
	return s
}

func (s *site) start() {
	s.t.Helper()
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.addr = l.Addr().String()
	live := s.now.Load().server()
	live.events.most = min(live.events.most, s.most)
	live.events.read = func() string { return fmt.Sprintf("%p", s.now.Load()) }
	s.server = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/events" && s.silent.Load() {
			<-r.Context().Done() // what keeps events back
			return
		}
		if r.URL.Path == "/events" {
			live.Handler().ServeHTTP(w, r)
			return
		}
		one := s.now.Load().server()
		if s.config != nil {
			s.config(&one.config)
		}
		one.Handler().ServeHTTP(w, r)
	})}
	go func() { _ = s.server.Serve(l) }() // ended by stop
}

func (s *site) stop() { _ = s.server.Close() }

func TestInABrowserWhatIsSelectedStaysAndThePageOutlivesLegate(t *testing.T) {
	t.Parallel()
	s := open(t, manyReject(3))
	b := openBrowser(t, "http://"+s.addr+"/")
	b.loaded()
	b.text(`window.kept = true; document.querySelector("details").open = true;
		document.getSelection().selectAllChildren(document.querySelector(".concerns li p:nth-of-type(2)"))`)
	const selected = "malformed IP address: 10.0.0.1.9"
	stays := func(when string) {
		t.Helper()
		for expression, want := range map[string]string{
			`document.getSelection().toString().trim()`:                  selected,
			`document.querySelector("details").open + " " + window.kept`: "true true", // the page was not reloaded
		} {
			if got := b.text(expression); got != want {
				t.Errorf("%s: %s is %q, want %q", when, expression, got, want)
			}
		}
	}
	stays("at first")

	more := manyReject(4)
	more.streams = append([]xdsserver.StreamStatus{stream("newcomer", xdsserver.Synced, "")}, more.streams...)
	more.streams[0].ID = "delta-7"
	s.now.Store(more)
	b.until(`document.querySelector(".concerns strong").textContent`, "4 Envoys reject")
	b.until(`document.body.textContent`, "newcomer")
	stays("after a refresh")

	s.stop()
	b.until(`document.getElementById("away").hidden + document.getElementById("away").textContent`, "falseLegate does not answer.")
	stays("while Legate is away")

	s.start()
	b.until(`document.getElementById("away").hidden + " " + document.documentElement.className`, "true ")
	stays("when Legate is back")

	b.text(`document.getSelection().removeAllRanges()`)
	s.now.Store(healthy())
	b.until(`document.querySelectorAll(".concerns").length + document.querySelector(".verdict:not(#away)").className`, "0verdict good")
	if rows := b.text(`document.querySelectorAll("tbody").length + " " + document.querySelectorAll("section").length`); rows != "1 2" {
		t.Errorf("%s rows and sections, want 1 2", rows)
	}
}

// Somebody on call looks for a service that gets no traffic, with a keyboard.
func TestInABrowserAServiceIsFoundAndFollowed(t *testing.T) {
	t.Parallel()
	s := open(t, town())
	b := openBrowser(t, "http://"+s.addr+"/")
	b.loaded()
	b.text(`document.querySelector('nav a[href="/services"]').click()`)
	b.until(`location.pathname + document.querySelectorAll("tbody tr").length`, "/services8")
	b.text(`document.getElementById("q").focus(); document.execCommand("insertText", false, "SH")`)
	b.call("Input.dispatchKeyEvent", map[string]any{"type": "keyDown", "key": "Enter", "code": "Enter", "text": "\r", "windowsVirtualKeyCode": 13}, nil)
	b.until(`location.search + [...document.querySelectorAll("tbody th")].map((th) => th.textContent)`, "?q=SHshop")
	b.loaded()

	more := town()
	more.with(instance("shop-2", 80))
	s.now.Store(more)
	b.until(`document.querySelectorAll("tbody tr").length + location.search + document.getElementById("q")?.value`, "2?q=SHSH") // refreshed, with what was searched
	b.text(`document.querySelector('thead a[href*="sort=-critical"]').click()`)
	b.until(`location.search + document.querySelector("th[aria-sort]")?.textContent`, "?q=SH&sort=-criticalCritical ▼")
	b.loaded()
	b.text(`document.querySelector("tbody th a").click()`)
	b.until(`location.pathname + document.querySelector("h1")?.textContent`, "/services/shopshop")
	b.loaded()
	b.until(`document.querySelector("tbody td")?.textContent`, "left out")

	s.now.Store(healthy()) // it is deregistered
	b.until(`document.querySelector(".verdict:not(#away)").textContent + document.getElementById("away").hidden`, "Legate sees no service shop in Consul.")
	b.until(`document.getElementById("away").hidden`, "true")
}

// A change shows up at once, and a page of which nothing changes is hardly asked for. Where events are kept back, or there are too
// many who listen, the page polls.
func TestInABrowserAChangeShowsUpWithoutPolling(t *testing.T) {
	t.Parallel()
	s := open(t, healthy())
	b := openBrowser(t, "http://"+s.addr+"/nodes")
	b.loaded()
	b.text(`window.kept = true; window.polls = 0; const real = fetch; window.fetch = (...a) => { window.polls++; return real(...a); }`)
	b.until(`String(performance.now() - heard < silence)`, "true")
	more := healthy()
	more.streams = append(more.streams, stream("newcomer", xdsserver.Synced, ""))
	began := time.Now()
	s.now.Store(more)
	b.until(`document.body.textContent`, "newcomer")
	t.Logf("it showed up after %v, with %s requests", time.Since(began), b.text(`window.polls`))
	if got := b.text(`window.kept + " " + (performance.now() - heard < silence)`); got != "true true" {
		t.Errorf("loaded anew, or by polling: %s", got)
	}
	s.stop()
	s.silent.Store(true)
	s.start()
	b.text(`deafUntil = 0; 0`)
	s.now.Store(healthy())
	b.until(`String(document.body.textContent.includes("newcomer"))`, "false") // by polling
	if got := b.text(`window.kept + " " + heard`); got != "true -Infinity" {
		t.Errorf("it hears what is kept back: %s", got)
	}
	s.stop()
	s.silent.Store(false)
	s.most = 0
	s.start()
	b.text(`unlisten(); deafUntil = 0; 0`)
	s.now.Store(more)
	b.until(`document.body.textContent`, "newcomer")
	b.until(`String(events === null && deafUntil > performance.now())`, "true") // refused, and asks again later
}
