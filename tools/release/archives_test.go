package release

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

// entry is a file or a folder of an archive or a package.
type entry struct {
	mode         os.FileMode
	owner, group string
	config       bool // an upgrade keeps what an administrator changed in it
	content      []byte
}

// readTar adds what a tar has.
func readTar(t testing.TB, in io.Reader, to map[string]entry) {
	t.Helper()
	for r := tar.NewReader(in); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		to[path.Clean("/"+h.Name)] = entry{mode: h.FileInfo().Mode(), owner: h.Uname, group: h.Gname, content: content}
	}
}

func readTarGz(t testing.TB, in io.Reader, to map[string]entry) {
	t.Helper()
	z, err := gzip.NewReader(in)
	if err != nil {
		t.Fatal(err)
	}
	readTar(t, z, to)
}

// readArchive reads an archive of dist.
func readArchive(t testing.TB, file string) map[string]entry {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]entry{}
	if strings.HasSuffix(file, ".tar.gz") {
		readTarGz(t, bytes.NewReader(text), all)
		return all
	}
	z, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		all[path.Clean("/"+f.Name)] = entry{mode: f.Mode(), owner: "root", group: "root", content: content} // zip knows no owners
	}
	return all
}

// archive returns the archive of a platform and the folder that is in it.
func archive(t testing.TB, b build, platform string) (all map[string]entry, folder string) {
	t.Helper()
	file := b.one(t, "legate_*_"+platform+".tar.gz")
	return readArchive(t, file), "/" + strings.TrimSuffix(filepath.Base(file), ".tar.gz")
}

// program is what an archive or a package is made for.
type program struct {
	platform string
	content  []byte
	info     *debug.BuildInfo
}

// programs returns those of all archives.
func programs(t testing.TB, b build) (all []program) {
	t.Helper()
	for _, platform := range platforms {
		suffix, name := ".tar.gz", "legate"
		if strings.HasPrefix(platform, "windows") {
			suffix, name = ".zip", "legate.exe"
		}
		file := b.one(t, "legate_*_"+platform+suffix)
		content := readArchive(t, file)["/"+strings.TrimSuffix(filepath.Base(file), suffix)+"/"+name].content
		info, err := buildinfo.Read(bytes.NewReader(content))
		if err != nil {
			t.Fatalf("%s: %v", platform, err)
		}
		all = append(all, program{platform, content, info})
	}
	return all
}

func TestEachProgramIsStaticAndSaysWhatItIs(t *testing.T) {
	b := aSnapshot(t)
	head, err := output(b.source, "git", "rev-parse", "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range programs(t, b) {
		goos, goarch, _ := strings.Cut(one.platform, "_")
		settings := map[string]string{}
		for _, s := range one.info.Settings {
			settings[s.Key] = s.Value
		}
		for key, want := range map[string]string{
			"GOOS": goos, "GOARCH": goarch, "CGO_ENABLED": "0", "-trimpath": "true", "vcs.revision": strings.TrimSpace(head), "vcs.modified": "false",
		} {
			if settings[key] != want {
				t.Errorf("%s: %s is %q, want %q", one.platform, key, settings[key], want)
			}
		}
		// Without a tag Go makes a version of the commit, which begins with that of the tag before it.
		if !regexp.MustCompile(`^v\d+\.\d+\.\d+-(0\.)?\d{14}-[0-9a-f]{12}$`).MatchString(one.info.Main.Version) {
			t.Errorf("%s: the version is %q", one.platform, one.info.Main.Version)
		}
		if bytes.Contains(one.content, []byte(b.source)) {
			t.Errorf("%s: the path of the source is in it", one.platform)
		}
		if goos == "linux" {
			f, err := elf.NewFile(bytes.NewReader(one.content))
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range f.Progs {
				if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
					t.Errorf("%s: it needs libraries of the machine", one.platform)
				}
			}
		}
		if one.platform == runtime.GOOS+"_"+runtime.GOARCH {
			file := filepath.Join(t.TempDir(), "legate")
			if err := os.WriteFile(file, one.content, 0o755); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(file, "version").CombinedOutput()
			if want := "legate " + one.info.Main.Version + "\nrevision " + head; err != nil || !strings.HasPrefix(string(out), want) {
				t.Errorf("legate version: %v\n%swant\n%s", err, out, want)
			}
		}
	}
}

func TestAnArchiveHoldsWhatGoesWithTheProgram(t *testing.T) {
	b := aSnapshot(t)
	for _, platform := range platforms {
		suffix, name := ".tar.gz", "legate"
		if strings.HasPrefix(platform, "windows") {
			suffix, name = ".zip", "legate.exe"
		}
		file := b.one(t, "legate_*_"+platform+suffix)
		all := readArchive(t, file)
		folder := "/" + strings.TrimSuffix(filepath.Base(file), suffix)
		for _, one := range []string{
			"README.md", "LICENSE", "CHANGELOG.md", "docs/install.md", "completions/legate", "completions/_legate", "completions/legate.fish",
			"man/man1/legate.1.gz", "man/man1/legate-serve.1.gz", "examples/sidecar/legate.service", "examples/quickstart/web-1/index.html",
		} {
			if e, is := all[folder+"/"+one]; !is || len(e.content) == 0 || e.mode.Perm() != 0o644 {
				t.Errorf("%s: %s is there: %v, with %d bytes and mode %v", platform, one, is, len(e.content), e.mode)
			}
		}
		if e := all[folder+"/"+name]; e.mode.Perm() != 0o755 {
			t.Errorf("%s: the mode of the program is %v", platform, e.mode)
		}
		for at, e := range all {
			if !strings.HasPrefix(at, folder+"/") || e.owner != "root" || e.group != "root" || strings.HasSuffix(at, ".go") {
				t.Errorf("%s: %s is of %s:%s", platform, at, e.owner, e.group)
			}
		}
	}
}
