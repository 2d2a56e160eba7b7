package chaos_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
)

// answerFaults are wrong answers. The front gives those that a real Consul does not give on demand.
func answerFaults() []fault {
	lies := func(name, how string, short bool, lasts time.Duration, l lie) fault {
		return fault{name: name, how: "fakeFront: " + how, short: short,
			before: withFront, after: withoutFront,
			do: func(t *testing.T, s *scene) {
				s.front.tell(l)
				hold(lasts)
				if asked := s.front.tell(nil); asked == 0 {
					t.Fatal("nobody asked while the front lied")
				}
			}}
	}
	says := func(status int, body string) lie {
		return func(w http.ResponseWriter, _ *http.Request, _ func() answer) {
			w.Header().Set("X-Consul-Index", "1") // as in Consul's own errors
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
	}
	return []fault{
		{name: "429 connection limit", how: fmt.Sprintf("another client of the same address takes all %d connections that the agent allows, and Legate's are cut; 15 s", connectionLimit), do: hogConnections},
		lies("500s", "500 to every question, with index 1; 15 s", true, 15*time.Second, says(500, "rpc error making call: No cluster leader")),
		lies("429s", "429 to every question; 15 s", false, 15*time.Second, says(429, "Your IP is issuing too many concurrent connections, please rate limit your calls")),
		lies("403", "403 to every question; 15 s", false, 15*time.Second, says(403, "Permission denied: token with AccessorID '' lacks permission 'service:read'")),
		lies("HTML error page with 200", "200 with a page; 15 s", true, 15*time.Second, func(w http.ResponseWriter, _ *http.Request, _ func() answer) {
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("X-Consul-Index", "99999999")
			fmt.Fprint(w, "<html><body><h1>The site is under maintenance</h1></body></html>")
		}),
		lies("truncated JSON", "the true answer's first half, its length declared half or whole by turns; 15 s", false, 15*time.Second, func(w http.ResponseWriter, r *http.Request, truth func() answer) {
			a := truth()
			whole := len(a.body)
			a.body = a.body[:whole/2]
			if time.Now().UnixMilli()%2 == 0 {
				w.Header().Set("Content-Length", strconv.Itoa(whole))
			}
			a.write(w)
		}),
		lies("wrong types in JSON", "numbers for names, objects for lists; 15 s", false, 15*time.Second, func(w http.ResponseWriter, r *http.Request, truth func() answer) {
			raised(w, r, truth(), 1)
			if strings.HasPrefix(r.URL.Path, "/v1/catalog/services") {
				fmt.Fprint(w, `{"shop": 7, "cart": {"a": 1}, "mail": "x"}`)
				return
			}
			fmt.Fprint(w, `[{"Node": 7, "Service": ["shop"], "Checks": {"Status": 1}}]`)
		}),
		lies("200 with empty body at once", "200, an index, no body; 15 s", true, 15*time.Second, func(w http.ResponseWriter, r *http.Request, truth func() answer) {
			w.Header().Set("X-Consul-Index", "99999999")
			w.WriteHeader(200)
		}),
		lies("empty JSON at once, index as asked", "[] and {} with the index that was asked with, at once; 15 s", false, 15*time.Second, func(w http.ResponseWriter, r *http.Request, truth func() answer) {
			index := r.URL.Query().Get("index")
			if index == "" {
				index = "1"
			}
			w.Header().Set("X-Consul-Index", index)
			nothing(w, r)
		}),
		lies("empty after load", "[] and {} with an index that is one higher, to consistent questions too; 30 s", false, 30*time.Second, func(w http.ResponseWriter, r *http.Request, truth func() answer) {
			raised(w, r, truth(), 1)
			nothing(w, r)
		}),
		lies("empty after load, then the index goes back far", "[] and {} with an index that is a billion higher, to consistent questions too; 30 s", false, 30*time.Second, func(w http.ResponseWriter, r *http.Request, truth func() answer) {
			raised(w, r, truth(), 1_000_000_000)
			nothing(w, r)
		}),
		lies("partial catalog", "every second instance and service is missing, with half the index, to all but consistent questions: as a restarted server answers; 30 s", false, 30*time.Second, func(w http.ResponseWriter, r *http.Request, truth func() answer) {
			a := truth()
			if r.URL.Query().Has("consistent") {
				a.write(w)
				return
			}
			raised(w, r, a, -indexOf(a)/2)
			w.Write(thinned(a.body, func(i int) bool { return i%2 == 0 }))
		}),
		lies("partial catalog, newer", "every second instance and service is missing, with a higher index, to all but consistent questions: what no Consul is known to do, and only the leader's word helps against; 30 s", true, 30*time.Second, func(w http.ResponseWriter, r *http.Request, truth func() answer) {
			a := truth()
			if r.URL.Query().Has("consistent") {
				a.write(w)
				return
			}
			raised(w, r, a, 1)
			w.Write(thinned(a.body, func(i int) bool { return i%2 == 0 }))
		}),
		lies("most of the catalog gone, confirmed", "two of three instances and services are missing, with a higher index, to consistent questions too; 30 s", false, 30*time.Second, mostGone),
		lies("a proxy that does not wait, index goes back", "true answers with index 3, at once or after half a second; 15 s", false, 15*time.Second, func(w http.ResponseWriter, r *http.Request, truth func() answer) {
			if r.URL.Query().Has("index") {
				time.Sleep(500 * time.Millisecond)
			}
			a := truth()
			if a.header != nil {
				a.header.Set("X-Consul-Index", "3")
			}
			a.write(w)
		}),
		{name: "wrong datacenter answers", how: "the address leads to another datacenter's real agent for 20 s", do: func(t *testing.T, s *scene) {
			s.wire.redirect(t, s.elsewhere.Addr)
			hold(20 * time.Second)
			s.wire.redirect(t, s.consul.Addr)
		}},
		{name: "index reset, catalog lost", short: true, how: "the server is killed, its data directory emptied, and started; its services come back after 10 s", do: func(t *testing.T, s *scene) {
			s.emptyConsul(t, func() {}, func() {})
		}},
	}
}

// withFront makes Legate query the front.
func withFront(t *testing.T, s *scene) {
	s.wire.redirect(t, s.front.addr)
	hold(2 * time.Second)
}

func withoutFront(t *testing.T, s *scene) {
	s.front.tell(nil)
	s.wire.redirect(t, s.consul.Addr)
}

// mostGone removes two of three instances and services. It keeps the service of three instances:
// the loss of two of so few is not suspicious if its answer comes before the others.
func mostGone(w http.ResponseWriter, r *http.Request, truth func() answer) {
	a := truth()
	raised(w, r, a, 1)
	few := r.URL.Path == "/v1/health/service/"+own
	w.Write(thinned(a.body, func(i int) bool { return few || i%3 == 0 }))
}

// raised begins an answer with the true headers and an index above the true one.
func raised(w http.ResponseWriter, r *http.Request, a answer, by int64) {
	for name, values := range a.header {
		if name != "Content-Length" {
			w.Header()[name] = values
		}
	}
	w.Header().Set("X-Consul-Index", strconv.FormatInt(indexOf(a)+by, 10))
	if r.URL.Query().Get("index") == w.Header().Get("X-Consul-Index") { // a blocking query waits for a while
		wait(r.Context(), 2*time.Second)
	}
}

func indexOf(a answer) int64 {
	index, _ := strconv.ParseInt(a.header.Get("X-Consul-Index"), 10, 64) // 0 if there is none
	return index
}

// nothing gives an empty answer of the right kind.
func nothing(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/v1/health/service/") {
		fmt.Fprint(w, "[]")
		return
	}
	fmt.Fprint(w, "{}")
}

// thinned returns a list or an object with some of its members.
func thinned(body []byte, stays func(i int) bool) []byte {
	var list []json.RawMessage
	if json.Unmarshal(body, &list) == nil {
		kept := []json.RawMessage{}
		for i, m := range list {
			if stays(i) {
				kept = append(kept, m)
			}
		}
		body, _ = json.Marshal(kept) // it was just decoded
		return body
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(body, &object) != nil {
		return body
	}
	for i, name := range sortedKeys(object) {
		if !stays(i) {
			delete(object, name)
		}
	}
	body, _ = json.Marshal(object)
	return body
}

// hogConnections takes all connections of this address, cuts Legate's, and takes those too.
func hogConnections(t *testing.T, s *scene) {
	var held []net.Conn
	defer func() {
		for _, c := range held {
			c.Close()
		}
		// The agent counts a connection until it has noticed its end.
		must(t, soon(t.Context(), 10*time.Second, func() error {
			_, err := s.consul.Client().Status().Leader()
			return err
		}))
	}()
	take := func() {
		for range connectionLimit {
			c, err := net.DialTimeout("tcp", s.consul.Addr, time.Second)
			must(t, err)
			held = append(held, c)
		}
	}
	take()
	s.wire.cut(t)
	take()
	s.wire.mend(t)
	began := time.Now()
	refused := 0
	for time.Since(began) < 15*time.Second {
		client, err := api.NewClient(&api.Config{Address: s.consul.Addr, Transport: &http.Transport{DisableKeepAlives: true}})
		must(t, err)
		if _, err = client.Status().Leader(); err != nil {
			refused++
		}
		hold(250 * time.Millisecond)
	}
	if refused == 0 {
		t.Fatal("the agent refused nobody")
	}
}
