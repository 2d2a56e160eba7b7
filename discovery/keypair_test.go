package discovery

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"legate/internal/parts"
)

func TestAClientCertificateIsReadAgainWhenItChanges(t *testing.T) {
	pair := func() (cert, key []byte) {
		certs, err := parts.NewCerts(t.TempDir())
		must(t, err)
		cert, err = os.ReadFile(certs.CertFile)
		must(t, err)
		key, err = os.ReadFile(certs.KeyFile)
		must(t, err)
		return cert, key
	}
	certFile, keyFile := filepath.Join(t.TempDir(), "c"), filepath.Join(t.TempDir(), "k")
	at := time.Now()
	write := func(file string, data []byte) {
		must(t, os.WriteFile(file, data, 0o600))
		at = at.Add(time.Second)
		must(t, os.Chtimes(file, at, at))
	}
	one, oneKey := pair()
	two, twoKey := pair()
	write(certFile, one)
	write(keyFile, oneKey)
	log := &lockedBuffer{}
	k, err := newKeyPair(certFile, keyFile, slog.New(slog.NewTextHandler(log, nil)))
	must(t, err)
	serial := func() string {
		c, err := k.current(nil)
		must(t, err)
		return string(c.Certificate[0])
	}
	first := serial()
	write(certFile, two)
	if again := serial(); again != first || serial() != first {
		t.Error("a certificate was shown without its key")
	}
	if n := log.count("unusable"); n != 1 {
		t.Errorf("%d warnings", n)
	}
	write(keyFile, twoKey)
	if serial() == first {
		t.Error("the new pair is not used")
	}
	if _, err := newKeyPair(certFile, "/nowhere", slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a missing key is no mistake at the start")
	}
}
