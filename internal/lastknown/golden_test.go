package lastknown

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"legate/discovery/catalog"
)

// wrote is the file that a program of an earlier time wrote, for the same services of a real Consul.
func wrote(t *testing.T, schema int) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", fmt.Sprint("schema-", schema)))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Files of earlier versions are read. Those in testdata were written by programs of their time: they stay as they are. A
// new schema gets a file of its own.
func TestAFileThatAnEarlierProgramWroteIsRead(t *testing.T) {
	for v := oldest; v <= schema; v++ {
		data := wrote(t, v)
		if !bytes.HasPrefix(data, fmt.Appendf(nil, "%s%d\n", Magic, v)) {
			t.Errorf("schema %d: the file begins with %.25q", v, data)
		}
		h, c, err := Decode(data)
		if err != nil {
			t.Errorf("schema %d: %v", v, err)
			continue
		}
		path := filepath.Join(t.TempDir(), fileName)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, served, err := load(path, Scope{}, time.Hour, h.Believed.Add(time.Minute)); err != nil || !served.Equal(c) {
			t.Errorf("schema %d: a start a minute later does not use it: %v", v, err)
		}
		web, sock, db := c.Services[key("web")], c.Services[key("sock")], c.Services[key("db")]
		if h.Scope.Datacenter != "dc1" || h.Believed.Year() != 2026 || len(web.Instances) != 2 || len(sock.Instances) != 1 || len(db.Instances) != 1 {
			t.Errorf("schema %d: %+v %+v", v, h, c)
			continue
		}
		one := web.Instances[0]
		if one.ID != "web-1" || one.Address != "10.0.0.1" || one.Port != 8080 || one.Health != catalog.Passing || one.Weights != (catalog.Weights{Passing: 10, Warning: 3}) ||
			!slices.Equal(one.Tags, []string{"canary", "v1"}) || one.Meta["version"] != "1.2" || one.Locality.Zone != "eu-a" || one.Tagged["wan"].Address != "192.0.2.1" {
			t.Errorf("schema %d: %+v", v, one)
		}
		if web.Instances[1].Health != catalog.Critical || sock.Instances[0].SocketPath != "/run/app.sock" || db.Instances[0].Health != catalog.Maintenance {
			t.Errorf("schema %d: %+v", v, c)
		}
	}
}

// What is in today's file, in each field, comes back byte for byte: whoever changes the format without a new schema
// learns it here.
func TestTodaysFormatIsTheOneOfItsSchema(t *testing.T) {
	data := wrote(t, schema)
	h, c, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if again := encode(t, h, c); !bytes.Equal(again, data) {
		t.Errorf("schema %d is written otherwise than when it was made: give the format a new number\n%s\nwas\n%s", schema, again, data)
	}
	resolver := c.Entries[catalog.EntryKey{Kind: catalog.ServiceResolver, Name: "web"}]
	if len(c.Entries) != 3 || resolver.ConnectTimeout != 2*time.Second || resolver.Resolver.DefaultSubset != "v1" || len(resolver.Resolver.Failover["*"].Targets) != 1 {
		t.Errorf("%+v", c.Entries)
	}
}

// The way back from a newer version: its file is not used, and not lost when a new one is written.
func TestAFileOfANewerVersionIsKept(t *testing.T) {
	for _, name := range []string{"6", "99999999999999999999"} {
		dir, log := t.TempDir(), new(bytes.Buffer)
		path := filepath.Join(dir, fileName)
		newest := bytes.Replace(wrote(t, schema), fmt.Appendf(nil, "%s%d\n", Magic, schema), []byte(Magic+name+"\n"), 1)
		if err := os.WriteFile(path, newest, 0o600); err != nil {
			t.Fatal(err)
		}
		config := DefaultConfig()
		config.Dir, config.Scope.Datacenter = dir, "dc1"
		s := New(config, slog.New(slog.NewTextHandler(log, nil)), nil)
		if c := s.Load(); !c.Empty() {
			t.Fatalf("%v", c)
		}
		said := s.Status().Unusable
		if !strings.Contains(said, "was written by another version of Legate, a newer one") || !strings.Contains(said, fileName+".newer") {
			t.Errorf("%s", said)
		}
		if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, newest) {
			t.Errorf("changed before Consul was read: %v", err)
		}
		for range 2 {
			if err := s.write(Consul{Datacenter: "dc1", LastSuccess: time.Now()}, catalogOf(1, "shop")); err != nil {
				t.Fatal(err)
			}
		}
		if kept, err := os.ReadFile(path + ".newer"); err != nil || !bytes.Equal(kept, newest) {
			t.Errorf("not kept: %v", err)
		}
		if now, err := os.ReadFile(path); err != nil || !bytes.Contains(now, []byte(`"shop"`)) {
			t.Errorf("%s %v", now, err)
		}
	}
}
