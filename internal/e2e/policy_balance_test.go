package e2e_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"legate/internal/parts"
)

// leastRequest: an instance that hangs gets a few requests, not every second one. Without lb_policy, it gets
// half of them.
func leastRequest() policyStory {
	var held held
	return policyStory{
		name:     "least request",
		services: []string{"queue"},
		rules: fixed(`
- match: {names: [queue]}
  lb_policy: least_request
  least_request: {choice_count: 20}
`),
		register: func(t *testing.T, s *stage) {
			held = newHeld(t)
			s.registerServer(t, "queue", "hangs", held.answer("hangs"), nil)
			s.register(t, "queue", "queue-1", 1)
		},
		show: func(t *testing.T, s *stage) {
			e, hanging, ended := s.envoys[0], 0, make(chan error)
			for range 40 {
				go func() {
					_, err := e.askWith("queue", "x-user", "any")
					ended <- err
				}()
				select {
				case <-held.came:
					hanging++
				case err := <-ended:
					if err != nil {
						t.Error(err)
					}
				}
			}
			held.release()
			for range hanging {
				if err := <-ended; err != nil {
					t.Error(err)
				}
			}
			t.Logf("%d of 40 requests went to the instance that hangs", hanging)
			if hanging > 5 {
				t.Error("too many")
			}
		},
	}
}

// slowStart: a new instance gets little at first, and its share in the end. Without the group, it has its share at once.
func slowStart() policyStory {
	const window = 4 * time.Second
	return policyStory{
		name:     "slow start",
		services: []string{"fresh"},
		rules: fixed(`
- match: {names: [fresh]}
  slow_start: {window: 4s}
`),
		register: func(t *testing.T, s *stage) { s.register(t, "fresh", "fresh-old", 1) },
		show: func(t *testing.T, s *stage) {
			e := s.envoys[0]
			eventually(t, func() error { return e.answers("fresh", "fresh-old") })
			old := time.Now().Add(window)
			eventually(t, func() error {
				if time.Now().Before(old) {
					return errors.New("the old instance is new itself")
				}
				return nil
			})
			// The machine may be too busy for enough requests while the instance is new: then comes another.
			const enough = 20
			for began, try := time.Now(), 1; ; try++ {
				instance := fmt.Sprintf("fresh-%d", try)
				s.register(t, "fresh", instance, 1)
				eventually(t, func() error { return e.reaches(t, "cluster.fresh.membership_total", 2) })
				shown, n, its := time.Now(), 0, 0
				for n < 5*enough {
					by, err := e.ask("fresh", "/")
					if err != nil {
						t.Fatal(err)
					}
					if time.Since(shown) > window/4 {
						break
					}
					n++
					if by == instance {
						its++
					}
				}
				if n < enough {
					if time.Since(began) > patience {
						t.Fatalf("the machine is too busy for %d requests within %v", enough, window/4)
					}
					s.deregister(t, instance)
					eventually(t, func() error { return e.answers("fresh", "fresh-old") })
					continue
				}
				t.Logf("%d of the first %d requests went to the new instance", its, n)
				if its*3 > n {
					t.Error("too many")
				}
				eventually(t, func() error {
					return e.spreads("fresh", map[string]int{"fresh-old": 100, instance: 100})
				})
				return
			}
		},
	}
}

// ringHash: each user has an instance, the same after Legate's restart, and after the instance came back at
// another address. When an instance goes, its users move, and hardly any others: the ring is made of the
// instances' hash_key, so that it is the same one in each run. Without lb_policy, the instances take turns.
func ringHash() policyStory {
	const instances, users = 10, 300
	return policyStory{
		name:     "ring hash, over a restart and a departure",
		last:     true,
		services: []string{"cart"},
		rules: fixed(`
- match: {names: [cart]}
  lb_policy: ring_hash
  ring_hash: {minimum_ring_size: 4096}
  endpoint_metadata: {meta: [hash_key]}
`),
		register: func(t *testing.T, s *stage) {
			for i := range instances {
				registerKeyed(t, s, fmt.Sprintf("cart-%d", i+1))
			}
		},
		chains: map[string]func(*testing.T, object){"cart": func(_ *testing.T, chain object) {
			host := httpOf(chain)["route_config"].(object)["virtual_hosts"].([]any)[0].(object)
			host["routes"].([]any)[0].(object)["route"].(object)["hash_policy"] = []any{object{"header": object{"header_name": "x-user"}}}
		}},
		show: func(t *testing.T, s *stage) {
			e := s.envoys[0]
			homes := func() []string {
				t.Helper()
				at := make([]string, users)
				for user := range users {
					instance, err := e.askWith("cart", "x-user", fmt.Sprint("user-", user))
					if err != nil {
						t.Fatal(err)
					}
					at[user] = instance
				}
				return at
			}
			eventually(t, func() error { return e.reaches(t, "cluster.cart.membership_healthy", instances) })
			first := homes()
			if n := moved(first, homes()); n > 0 {
				t.Fatalf("%d of %d users moved, though nothing happened", n, users)
			}

			s.legate.stop(t)
			s.legate.launch(t)
			s.legate.awaitReady(t)
			eventually(t, func() error {
				if len(s.legate.status(t).Streams) == 0 {
					return errors.New("envoy has not come back")
				}
				return nil
			})
			const updates = "cluster.cart.update_success"
			before := e.stat(t, updates)
			if n := moved(first, homes()); n > 0 {
				t.Errorf("%d of %d users moved after legate's restart", n, users)
			}

			addr := registerKeyed(t, s, "cart-5")
			eventually(t, func() error {
				all, err := e.endpoints("cart")
				if _, there := all[addr]; err == nil && !there {
					err = errors.New("envoy does not have the new address of cart-5")
				}
				return err
			})
			if n := moved(first, homes()); n > 0 {
				t.Errorf("%d of %d users moved after one of their instances came back at another address", n, users)
			}

			s.deregister(t, "cart-3")
			eventually(t, func() error {
				if n := e.stat(t, "cluster.cart.membership_total"); n != instances-1 {
					return fmt.Errorf("cart has %d endpoints; %d updates came", n, e.stat(t, updates)-before)
				}
				return nil
			})
			n := moved(first, homes())
			t.Logf("%d of %d users moved when one of %d instances went", n, users, instances)
			if n == 0 || n > 2*users/instances {
				t.Errorf("want at most 2/%d of them, and some", instances)
			}
		},
	}
}

// registerKeyed registers an instance of cart at a new address, which Envoy hashes by its name.
func registerKeyed(t *testing.T, s *stage, instance string) (addr string) {
	b := s.backend(t, instance, "127.0.0.1:0")
	s.registerAs(t, parts.Instance{
		ID: instance, Service: "cart", Address: "127.0.0.1", Port: b.Port,
		Meta: map[string]string{"hash_key": instance},
	})
	return b.Addr
}

// moved is how many are somewhere else.
func moved(before, after []string) (n int) {
	for i := range before {
		if before[i] != after[i] {
			n++
		}
	}
	return n
}

// askWith is ask with a header.
func (e *envoy) askWith(service, header, value string) (instance string, err error) {
	req, err := http.NewRequest(http.MethodGet, "http://"+parts.Loopback(e.ports[service])+"/", nil)
	if err != nil {
		return "", err
	}
	req.Header.Set(header, value)
	resp, err := e.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = statusError{resp.StatusCode, string(body)}
	}
	return string(body), err
}
