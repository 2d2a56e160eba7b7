package e2e_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
	"legate/internal/xdstest"
	"legate/translate"
)

// Whoever opens as many connections to the page as there are files blocks neither clients nor
// Consul nor other users of the page.
func TestConnectionsThatOnlyStayOpenTakeNoFilesFromOthers(t *testing.T) {
	s := newStage(t, parts.ConsulOptions{})
	s.register(t, "web", "web-1", 1)
	s.legate = newLegate(t, s.consul)
	s.legate.Edit = func(cmd *exec.Cmd) {
		cmd.Args = append([]string{"sh", "-c", `ulimit -n 300 && exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
		cmd.Path = "/bin/sh"
	}
	s.legate.launch(t)
	s.legate.awaitReady(t)
	if log := parts.LogTail(s.legate.Log, 100); !strings.Contains(log, "few files may be open") {
		t.Errorf("the log does not say that limits are lowered:\n%s", log)
	}
	silent := make(map[string]int)
	for range 600 {
		conn, err := net.Dial("tcp", s.legate.Admin)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		silent[askOnce(conn)]++
	}
	t.Logf("600 connections, which asked once and stay open: %v", silent)

	client := xdstest.Open(t, xdstest.Dial(t, s.legate.XDS), xdstest.Delta, "edge")
	client.Want(translate.ClusterType)
	takes(client, "web")
	s.register(t, "later", "later-1", 1) // needs a new connection to Consul
	takes(client, "later")
	partstest.Eventually(t, func() error {
		_, err := s.legate.Get(t.Context(), "/api/v1/status")
		return err
	})
}

// takes accepts everything that it is sent until a cluster has arrived.
func takes(c *xdstest.Client, name string) {
	for {
		r := c.Read()
		c.Ack(r)
		if r.Resources[name] != nil {
			return
		}
	}
}

// askOnce sends a request, leaves the connection open, and returns the result.
func askOnce(conn net.Conn) string {
	_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
	if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		return "closed"
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return "no answer"
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	return fmt.Sprint(answer.StatusCode)
}
