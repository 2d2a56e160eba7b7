package admin

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// raw sends a request verbatim and returns the code and text of the answer.
func raw(t *testing.T, network, address, request string) (int, string) {
	t.Helper()
	conn, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func get(path, host string) string {
	return fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, host)
}

// A foreign page whose name suddenly resolves to this machine (DNS rebinding) cannot read the
// catalog.
func TestWhatLegateHoldsIsAnsweredUnderItsOwnNamesOnly(t *testing.T) {
	d := newDoor(t, Config{Hosts: []string{"Legate.Internal", "edge-7"}})
	for _, path := range []string{"/", "/api/v1/status", "/api/v1/holds", "/debug/config_dump"} {
		for host, want := range map[string]int{
			"localhost:18001": 200, "LOCALHOST": 200, "localhost.": 200, "app.localhost:1": 200, "127.0.0.1": 200, "[::1]:18001": 200, "10.1.2.3:80": 200,
			"legate.internal:18001": 200, "legate.internal.": 200, "edge-7": 200,
			"evil.example": 421, "evil.example:18001": 421, "localhost.evil.example": 421, "127.0.0.1.nip.io": 421, "xlocalhost": 421, "": 421, "sub.legate.internal": 421,
		} {
			code, body := raw(t, "tcp", d.http, get(path, host))
			if code != want || (code == 421 && !strings.Contains(body, "--admin-host")) {
				t.Errorf("%s as %q: %d, want %d: %.200s", path, host, code, want, body)
			}
		}
	}
	if code, _ := raw(t, "tcp", d.http, "POST /api/v1/change HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"); code != 421 {
		t.Errorf("a change: %d", code)
	}
	if code, _ := raw(t, "unix", d.unix, get("/api/v1/status", "anything")); code != 200 {
		t.Errorf("over the socket, which no browser opens: %d", code)
	}
}

// Probes use the address, Prometheus whatever name it discovered.
func TestProbesAndNumbersAreAnsweredUnderAnyNameWithoutReasons(t *testing.T) {
	d := newDoor(t, Config{})
	for _, path := range []string{"/metrics", "/healthz", "/readyz"} {
		if code, body := raw(t, "tcp", d.http, get(path, "legate.service.consul:18001")); code != 200 {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
	d.house.consul.FirstSync.Total, d.house.state = 3, empty().state
	if code, body := raw(t, "tcp", d.http, get("/readyz", "legate.service.consul")); code != 503 || strings.Contains(body, "127.0.0.1:8500") {
		t.Errorf("a stranger hears why it is not ready: %d %s", code, body)
	}
	if code, body := raw(t, "tcp", d.http, get("/readyz", "localhost")); code != 503 || !strings.Contains(body, "127.0.0.1:8500") {
		t.Errorf("who is near does not hear why it is not ready: %d %s", code, body)
	}
}

// The limit on the headers of a request is exactly the one in docs/limits.md.
func TestHeadersHaveAsManyBytesAsIsSaid(t *testing.T) {
	d := newDoor(t, Config{})
	request := func(bytes int) string {
		begin, end := "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: ", "\r\n\r\n"
		return begin + strings.Repeat("x", bytes-len(begin)-len(end)) + end
	}
	for bytes, want := range map[int]int{maxHeaders: 200, maxHeaders + 1: 431, maxHeaders + 4000: 431} {
		if code, body := raw(t, "tcp", d.http, request(bytes)); code != want {
			t.Errorf("%d bytes: %d, want %d: %s", bytes, code, want, body)
		}
	}
}
