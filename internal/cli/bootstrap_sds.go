package cli

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Secrets that Envoy reads from disk over SDS. Each has a file of its own, since Envoy reads one
// secret per file.
// https://www.envoyproxy.io/docs/envoy/latest/configuration/security/secret
//
//go:embed bootstrap_certificate.yaml.tmpl
var certificateTemplate string

//go:embed bootstrap_authorities.yaml.tmpl
var authoritiesTemplate string

func (t *bootstrapTLS) CertificateSecret() string { return "legate-certificate" }
func (t *bootstrapTLS) AuthoritiesSecret() string { return "legate-authorities" }

func (t *bootstrapTLS) CertificateFile() string {
	return filepath.Join(t.SDS, t.CertificateSecret()+".yaml")
}

func (t *bootstrapTLS) AuthoritiesFile() string {
	return filepath.Join(t.SDS, t.AuthoritiesSecret()+".yaml")
}

// CertificateFolder and AuthoritiesFolder are the folders that Envoy watches. So a new certificate
// is used once its key is in place too, and a swap of a link to a folder with both is noticed.
func (t *bootstrapTLS) CertificateFolder() string { return filepath.Dir(t.Cert) }
func (t *bootstrapTLS) AuthoritiesFolder() string { return filepath.Dir(t.CA) }

// writeSecrets writes the SDS files, if a folder for them is given.
func (t *bootstrapTLS) writeSecrets() error {
	if t == nil || t.SDS == "" {
		return nil
	}
	if err := os.MkdirAll(t.SDS, 0o755); err != nil {
		return fmt.Errorf("--sds-dir %q: %w: choose a folder in which this user can write", t.SDS, reason(err))
	}
	if err := t.write(t.AuthoritiesFile(), authoritiesTemplate); err != nil {
		return err
	}
	if t.Cert == "" {
		return nil
	}
	return t.write(t.CertificateFile(), certificateTemplate)
}

// write replaces a file atomically: a running Envoy may read it at any time.
func (t *bootstrapTLS) write(path, text string) error {
	var out strings.Builder
	if err := execute(&out, text, t); err != nil {
		return fmt.Errorf("write %q: %w", path, err)
	}
	err := os.WriteFile(path+".new", []byte(out.String()), 0o644)
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return fmt.Errorf("write %q: %w", path, reason(err))
	}
	return nil
}
