package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// running is a "legate serve" in this process.
type running struct {
	t     *testing.T
	admin string // http://host:port
	xds   string // host:port
	rest  string
	log   *journal
	stop  context.CancelFunc
	code  chan int
}

// serve starts "legate serve" on free ports and returns once it listens.
func serve(t *testing.T, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{t: t, log: newJournal(), stop: cancel, code: make(chan int, 1)}
	p := program{out: io.Discard, err: r.log, getenv: func(string) string { return "" }}
	args = append([]string{"legate", "serve", "--xds-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--rest-listen", "127.0.0.1:0"}, args...)
	go func() {
		r.code <- p.run(ctx, args)
		r.log.close()
	}()
	t.Cleanup(func() {
		cancel()
		if t.Failed() {
			t.Log(r.log.String())
		}
	})
	start := r.log.await(t, "legate starts")
	r.admin, r.xds, r.rest = strings.TrimSuffix(start["admin"].(string), "/"), start["xds"].(string), start["rest"].(string)
	return r
}

// end stops it and returns the exit code.
func (r *running) end() int {
	r.t.Helper()
	r.stop()
	select {
	case code := <-r.code:
		return code
	case <-time.After(time.Minute): // the machine may be busy
		r.t.Fatal("it does not end within a minute")
		return -1
	}
}

func (r *running) get(path string) (int, string) {
	r.t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get(r.admin + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestWithoutAConsulItKeepsTryingSaysSoOnceAndIsNotReady(t *testing.T) {
	defer goleak.VerifyNone(t)
	nobody := closedPort(t)
	r := serve(t, "--consul-addr", nobody)
	warned := r.log.await(t, "consul does not answer as it should")
	if warned["level"] != "WARN" || warned["remedy"] == "" {
		t.Errorf("the warning names no remedy: %v", warned)
	}
	if code, body := r.get("/readyz"); code != 503 || !strings.Contains(body, nobody) || !strings.Contains(body, "check that Consul runs") {
		t.Errorf("readyz: %d %s", code, body)
	}
	if code, body := r.get("/healthz"); code != 200 {
		t.Errorf("healthz: %d %s", code, body)
	}
	time.Sleep(time.Second) // several attempts: the first backoffs are 250 ms and 500 ms at most
	if code := r.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if n := r.log.count("consul does not answer as it should"); n != 1 {
		t.Errorf("said %d times", n)
	}
	if r.log.count("legate stopped") != 1 {
		t.Error("no report at the end")
	}
}

func TestAPortInUseFailsAtOnceAndNamesTheFlag(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, flag := range []string{"--xds-listen", "--admin-listen", "--rest-listen"} {
		args := []string{"serve", "--xds-listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", flag, l.Addr().String()}
		r := legate(t, nil, args...)
		if r.code != exitFailed || !strings.Contains(r.err, fmt.Sprintf("%s %q: another program (or another Legate) listens there", flag, l.Addr())) {
			t.Errorf("exit %d: %s", r.code, r.err)
		}
	}
}

func TestASignalEndsItCleanly(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreTopFunction("os/signal.signal_recv"), goleak.IgnoreTopFunction("os/signal.loop"))
	r := serve(t, "--consul-addr", closedPort(t))
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if cause := r.log.await(t, "legate stops")["cause"]; cause != "terminated signal received" {
		t.Errorf("cause %v", cause)
	}
	if code := r.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// closedPort returns an address where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// journal is the program's log, parsed from JSON.
type journal struct {
	w *io.PipeWriter

	mu      sync.Mutex
	text    strings.Builder
	records []map[string]any
	more    chan struct{} // closed and replaced with each record
	done    chan struct{}
}

func newJournal() *journal {
	r, w := io.Pipe()
	j := &journal{w: w, more: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(j.done)
		for s := bufio.NewScanner(r); s.Scan(); {
			j.add(s.Bytes())
		}
	}()
	return j
}

func (j *journal) add(line []byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	fmt.Fprintf(&j.text, "%s\n", line)
	record := map[string]any{}
	if json.Unmarshal(line, &record) == nil {
		j.records = append(j.records, record)
	}
	close(j.more)
	j.more = make(chan struct{})
}

func (j *journal) Write(b []byte) (int, error) { return j.w.Write(b) }

func (j *journal) close() {
	j.w.Close()
	<-j.done
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// count returns how many records begin with the message.
func (j *journal) count(message string) (n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, r := range j.records {
		if strings.HasPrefix(fmt.Sprint(r["msg"]), message) {
			n++
		}
	}
	return n
}

// await returns the first record that begins with the message.
func (j *journal) await(t *testing.T, message string) map[string]any {
	t.Helper()
	return j.awaitNth(t, 1, message)
}

// awaitNth returns the nth such record.
func (j *journal) awaitNth(t *testing.T, n int, message string) map[string]any {
	t.Helper()
	limit := time.After(15 * time.Second)
	for {
		j.mu.Lock()
		seen := 0
		for _, r := range j.records {
			if !strings.HasPrefix(fmt.Sprint(r["msg"]), message) {
				continue
			}
			if seen++; seen == n {
				j.mu.Unlock()
				return r
			}
		}
		more := j.more
		j.mu.Unlock()
		select {
		case <-more:
		case <-limit:
			t.Fatalf("never logged: %q\n%s", message, j.String())
		}
	}
}
