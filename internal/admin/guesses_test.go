package admin

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func withToken(t *testing.T) *door {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("s3cret"), 0o600); err != nil {
		t.Fatal(err)
	}
	return newDoor(t, Config{TokenFile: file})
}

// RFC 9110, section 11.1 (RFC 7235, section 2.1): the scheme is case-insensitive, and one or more
// spaces follow it.
func TestTheSchemeOfATokenIsReadAsTheStandardHasIt(t *testing.T) {
	d := withToken(t)
	for header, want := range map[string]int{
		"Bearer s3cret": 200, "bearer s3cret": 200, "BEARER   s3cret": 200,
		"s3cret": 401, "Basic s3cret": 401, "Bearers3cret": 401, "Bearer": 401, "Token Bearer s3cret": 401,
	} {
		if code, body := d.send(t, "tcp", "POST", "/api/v1/change", header); code != want {
			t.Errorf("%q: %d, want %d: %s", header, code, want, body)
		}
	}
}

// A client that guesses must wait. Meanwhile even the right token is refused, or the client would
// learn that it is right. Clients from other addresses or over the socket are not affected.
func TestWhoGuessesTokensWaitsAndNobodyElseDoes(t *testing.T) {
	d := withToken(t)
	post := func(from, token string) int {
		d.from = from
		code, body := d.send(t, "tcp", "POST", "/api/v1/change", "Bearer "+token)
		if code == 429 && !strings.Contains(body, "--admin-socket") {
			t.Errorf("no way out is named: %s", body)
		}
		return code
	}
	refused := 0
	for i := range 100 {
		if code := post("127.0.0.1", fmt.Sprint("guess-", i)); code == 429 {
			refused++
		}
	}
	if refused < 70 {
		t.Errorf("%d of 100 guesses were refused unread", refused)
	}
	if code := post("127.0.0.1", "s3cret"); code != 429 {
		t.Errorf("the right one among the guesses: %d", code)
	}
	if code := post("127.0.0.2", "s3cret"); code != 200 {
		t.Errorf("from another address: %d", code)
	}
	if code, _ := d.send(t, "unix", "POST", "/api/v1/change", ""); code != 200 {
		t.Errorf("over the socket: %d", code)
	}
	for range 100 { // the right token is not limited
		if code := post("127.0.0.2", "s3cret"); code != 200 {
			t.Fatalf("the right token, again and again: %d", code)
		}
	}
}

func TestStrangersDoNotHearWhereTheSocketIs(t *testing.T) {
	d := newDoor(t, Config{})
	code, body := d.send(t, "tcp", "POST", "/api/v1/change", "")
	if code != 403 || strings.Contains(body, d.unix) || !strings.Contains(body, "--admin-socket") {
		t.Errorf("%d %s", code, body)
	}
}
