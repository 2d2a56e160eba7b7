package discovery

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// keyPair is the certificate that is shown to Consul. Its files are looked at again with each
// new connection; files that cannot be used, such as a certificate whose key is still to come,
// leave the last good pair in place.
type keyPair struct {
	certFile, keyFile string
	log               *slog.Logger

	mu    sync.Mutex
	pair  *tls.Certificate
	state [2]fileState // of both files when they were last read
	bad   bool
}

// fileState is what of a file changes when its content does.
type fileState struct {
	modified time.Time
	size     int64
}

// newKeyPair fails if there is nothing to begin with.
func newKeyPair(certFile, keyFile string, log *slog.Logger) (*keyPair, error) {
	k := &keyPair{certFile: certFile, keyFile: keyFile, log: log}
	return k, k.reload()
}

// current is for tls.Config.GetClientCertificate.
func (k *keyPair) current(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	err := k.reload()
	if err != nil && !k.bad {
		k.log.Warn("consul client certificate is unusable, keeping the last one", "file", k.certFile, "error", err)
	}
	k.bad = err != nil
	return k.pair, nil
}

func (k *keyPair) reload() error {
	var state [2]fileState
	for i, file := range []string{k.certFile, k.keyFile} {
		info, err := os.Stat(file)
		if err != nil {
			return fmt.Errorf("read consul client certificate: %w", err)
		}
		state[i] = fileState{info.ModTime(), info.Size()}
	}
	if k.pair != nil && state == k.state {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(k.certFile, k.keyFile)
	if err != nil {
		return fmt.Errorf("read consul client certificate %q: %w", k.certFile, err)
	}
	if k.pair != nil {
		k.log.Info("consul client certificate was read again", "file", k.certFile)
	}
	k.pair, k.state = &pair, state
	return nil
}
