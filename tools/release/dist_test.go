package release

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var platforms = []string{"linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64", "windows_amd64", "windows_arm64"}

// sums reads a file of checksums: name → sum.
func sums(t testing.TB, b build) map[string]string {
	t.Helper()
	text, err := os.ReadFile(b.dist("SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for line := range strings.Lines(string(text)) {
		sum, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		if !ok {
			t.Fatalf("%q is no line that sha256sum reads", line)
		}
		all[name] = sum
	}
	return all
}

func TestASnapshotNeedsNoTagNoRemoteAndNoToken(t *testing.T) {
	b := aSnapshot(t)
	all := sums(t, b)
	want := []string{`legate_VERSION_amd64\.deb`, `legate_VERSION_arm64\.deb`, `legate-VERSION-1\.x86_64\.rpm`, `legate-VERSION-1\.aarch64\.rpm`, `legate_VERSION_x86_64\.apk`, `legate_VERSION_aarch64\.apk`}
	for _, p := range platforms {
		suffix := `\.tar\.gz`
		if strings.HasPrefix(p, "windows") {
			suffix = `\.zip`
		}
		want = append(want, "legate_VERSION_"+p+suffix, "legate_VERSION_"+p+`\.cdx\.json`)
	}
	for _, w := range want {
		// All package managers hold it for older than the version itself.
		one := regexp.MustCompile("^" + strings.Replace(w, "VERSION", `\d+\.\d+\.\d+[-~_]pre\d{14}`, 1) + "$")
		var found []string
		for name := range all {
			if one.MatchString(name) {
				found = append(found, name)
			}
		}
		if len(found) != 1 {
			t.Errorf("%s is there as %v", w, found)
		}
		for _, name := range found {
			text, err := os.ReadFile(b.dist(name))
			if err != nil {
				t.Fatal(err)
			}
			if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != all[name] {
				t.Errorf("the checksum of %s is wrong", name)
			}
			delete(all, name)
		}
	}
	if len(all) > 0 {
		t.Errorf("this is there, too: %v", all)
	}
}

// Somebody else, elsewhere, at another time gets the same bytes.
func TestTwoBuildsAreEqual(t *testing.T) {
	first := aSnapshot(t)
	again := build{filepath.Join(t.TempDir(), "another", "folder")}
	if err := checkout(aSource(t), again.source); err != nil {
		t.Fatal(err)
	}
	if err := run(again.source, []string{"TZ=Pacific/Kiritimati", "LC_ALL=C", "USER=somebody", "LOGNAME=somebody"}, "bash", "-c", "umask 077 && make snapshot"); err != nil {
		t.Fatal(err)
	}
	one, two := sums(t, first), sums(t, again)
	if len(one) == 0 || len(one) != len(two) {
		t.Errorf("%d files, and then %d", len(one), len(two))
	}
	for name, sum := range one {
		if two[name] != sum {
			t.Errorf("%s differs", name)
		}
	}
}

func TestAReleaseNeedsATag(t *testing.T) {
	here := build{filepath.Join(t.TempDir(), "legate")}
	if err := checkout(aSource(t), here.source); err != nil {
		t.Fatal(err)
	}
	tags, err := output(here.source, "git", "tag", "--points-at", "HEAD")
	if err != nil || tags != "" {
		t.Fatalf("HEAD has tags %q: %v", tags, err)
	}
	err = run(here.source, nil, "make", "release")
	if err == nil || !strings.Contains(err.Error(), `"git tag -a v0.1.0 -m v0.1.0"`) {
		t.Errorf("want a failure with the remedy, got %v", err)
	}
	if _, err := os.Stat(here.dist()); err == nil {
		t.Error("it made something all the same")
	}
}

func TestAReleaseHasTheVersionOfItsTag(t *testing.T) {
	b := aRelease(t)
	version := strings.TrimPrefix(tag, "v")
	names := sums(t, b)
	if len(names) != 2*len(platforms)+6 {
		t.Errorf("%d files: %v", len(names), names)
	}
	for name := range names {
		if !strings.Contains(name, version) {
			t.Errorf("%s does not name %s", name, version)
		}
	}
	for _, one := range programs(t, b) {
		if got := one.info.Main.Version; got != tag {
			t.Errorf("%s says that it is %s", one.platform, got)
		}
	}
	control := readDeb(t, b.one(t, "*_amd64.deb")).control
	if !slices.Contains(strings.Split(control, "\n"), "Version: "+version) {
		t.Errorf("the package says\n%s", control)
	}
}
