package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// dnsOf asks Consul's DNS.
func dnsOf(c *parts.Consul) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, c.DNSAddr)
	}}
}

// named asks Consul's DNS where a service is: an error, unless that is at all of these ports of 127.0.0.1.
func named(c *parts.Consul, name string, ports ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, all, err := dnsOf(c).LookupSRV(ctx, "", "", name+".service.consul.")
	var missing *net.DNSError
	if errors.As(err, &missing) && missing.IsNotFound {
		err = nil
	}
	if err != nil {
		return err
	}
	if len(all) != len(ports) {
		return fmt.Errorf("DNS names %d of %s, want %v", len(all), name, ports)
	}
	for _, srv := range all {
		addresses, err := dnsOf(c).LookupHost(ctx, srv.Target)
		if err != nil || len(addresses) != 1 || addresses[0] != "127.0.0.1" || !strings.Contains(" "+strings.Join(ports, " ")+" ", " "+strconv.Itoa(int(srv.Port))+" ") {
			return fmt.Errorf("DNS names %s:%d, at %v %w, want %v", srv.Target, srv.Port, addresses, err, ports)
		}
	}
	return nil
}

// wantNamed waits until Consul's DNS names Legate at these ports, and no others.
func wantNamed(t testing.TB, c *parts.Consul, ports ...string) {
	t.Helper()
	eventually(t, func() error { return named(c, "legate", ports...) })
}

// checked asks the agent for the checks of Legate: an error unless all have run and say that.
func checked(c *parts.Consul, status string) error {
	all, err := c.Client().Agent().ChecksWithFilter(`ServiceName == "legate"`)
	if err == nil && len(all) != 2 {
		err = fmt.Errorf("%d checks", len(all))
	}
	for _, one := range all {
		if one.Status != status || one.Output == "" {
			err = errors.Join(err, fmt.Errorf("%s is %s: %q", one.CheckID, one.Status, one.Output))
		}
	}
	return err
}

// Envoys find Legate by Consul's DNS as long as it serves, and never one that is gone.
func TestALegateIsFoundByConsulsDNS(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{DNS: true})
	s.register(t, "shop", "shop-1", 1)
	s.legate = startLegate(t, s.consul, "--register", "--drain-delay", "1m")
	_, port, _ := net.SplitHostPort(s.legate.XDS)
	wantNamed(t, s.consul, port)
	must(t, named(s.consul, "xds.legate", port))
	s.legate.exports(t, `legate_registration{state="registered"} 1`)
	eventually(t, func() error { return checked(s.consul, api.HealthPassing) })

	must(t, s.consul.Stop())
	must(t, s.consul.Start(t.Context())) // a dev agent forgets all
	s.register(t, "shop", "shop-1", 1)
	wantNamed(t, s.consul, port)
	s.legate.exports(t, `legate_registration{state="registered"} 1`)

	s.legate.kill(t)
	eventually(t, func() error { return checked(s.consul, api.HealthCritical) })
	wantNamed(t, s.consul)
	s.legate.launch(t)
	s.legate.awaitReady(t)
	wantNamed(t, s.consul, port)
	all, _, err := s.consul.Client().Health().Service("legate", "", false, nil)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d of them after a restart, %v", len(all), err)
	}

	s.envoys = append(s.envoys, startEnvoy(t, s.legate, adsDelta, "shop"))
	s.everywhere(t, func(e *envoy) error { return e.answers("shop", "shop-1") })
	must(t, s.legate.Terminate())
	wantNamed(t, s.consul)
	if len(s.legate.status(t).Streams) == 0 {
		t.Error("the streams were drained before DNS named it no more")
	}
	must(t, s.legate.Terminate()) // the drain would take a minute
	<-s.legate.Done()
}

// The token may not register Legate: that harms nobody, all places say which rule is missing, and once it is there
// nothing has to be restarted.
func TestALegateThatMayNotRegisterServes(t *testing.T) {
	t.Parallel()
	consul := partstest.Consul(t, parts.ConsulOptions{ACL: true})
	const read, write = `service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }`, `service "legate" { policy = "write" }`
	token := tokenFor(t, consul, "legate", read)
	l := startLegate(t, consul, "--register", "--datacenter", "dc1", "--consul-token", token)
	status := func() (string, error) {
		cmd := exec.CommandContext(t.Context(), program.Path(t), "status", "--admin-addr", l.Admin)
		cmd.Env = parts.OwnEnvironment()
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	want := func(said string, parts ...string) error {
		for _, part := range parts {
			if !strings.Contains(strings.Join(strings.Fields(said), " "), part) {
				return fmt.Errorf("want %q in\n%s", part, said)
			}
		}
		return nil
	}
	eventually(t, func() error {
		said, err := status()
		return errors.Join(err, want(said, "registered not in Consul as legate", "add to the token's policy: "+write))
	})
	ready, err := l.get("/readyz")
	must(t, errors.Join(err, want(string(ready), "add to the token's policy: "+write)))
	l.exports(t, `legate_registration{state="failing"} 1`)
	check := func() (string, error) {
		cmd := exec.CommandContext(t.Context(), program.Path(t), "check", "consul", "--register", "--datacenter", "dc1", "--consul-addr", consul.Addr, "--consul-token", token)
		cmd.Env = parts.OwnEnvironment()
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if said, err := check(); err == nil || want(said, "lacks the right to register Legate itself", write) != nil {
		t.Errorf("%v %s", err, said)
	}

	policy, _, err := consul.Client().ACL().PolicyReadByName("legate", nil)
	must(t, err)
	policy.Rules = read + write
	_, _, err = consul.Client().ACL().PolicyUpdate(policy, nil)
	must(t, err)
	eventually(t, func() error {
		said, err := status()
		return errors.Join(err, want(said, "registered in Consul as legate at "+l.XDS))
	})
	if said, err := check(); err != nil {
		t.Errorf("%v %s", err, said)
	}
	l.stop(t)
	if all, err := consul.Client().Agent().Services(); err != nil || len(all) != 0 {
		t.Errorf("it is still there: %v %v", all, err)
	}
}
