package xdsserver

import (
	"strings"
	"testing"

	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
)

func TestRequestsAreToldApart(t *testing.T) {
	r := newStreamRecord(nil, "")
	bad := &rpcstatus.Status{Message: "bad"}
	response := func(nonce string) { r.response(exchange{typeURL: eds, nonce: nonce, version: "v" + nonce}) }
	request := func(nonce string, rejection *rpcstatus.Status, want string) {
		t.Helper()
		if got, _ := r.request(exchange{typeURL: eds, nonce: nonce, rejection: rejection}); got != want {
			t.Errorf("nonce %q: got %s, want %s", nonce, got, want)
		}
	}
	request("", nil, subscribe)
	response("1")
	request("1", nil, ack)
	request("1", nil, subscribe) // other names, nothing new to answer
	request("1", bad, stale)     // it was accepted already
	response("2")
	response("3")
	request("1", nil, stale)
	request("2", bad, nack)
	request("3", nil, ack)
	request("2", nil, stale)
	request("99", nil, stale)

	if got := r.of(eds).state(); got != Nacked {
		t.Errorf("after a rejection and an acceptance of something else: %s", got)
	}
	r.of(eds).noteParked(nil, nil, false)
	got := r.of(eds)
	if got.ack != 2 || got.nack != 1 || got.sent != 3 || got.acked != "v3" || got.state() != Synced {
		t.Errorf("%+v is %s", got, got.state())
	}
}

func TestTextsFromTheNetworkAreMadeFitToShow(t *testing.T) {
	if got := sane("a\x1b[31m\nb\xff\u202e"); got != "a[31m b" {
		t.Errorf("%q", got)
	}
	if got := sane(strings.Repeat("é", 5000)); len(got) > saneBytes+3 || !strings.HasSuffix(got, "...") {
		t.Errorf("%d bytes", len(got))
	}
}
