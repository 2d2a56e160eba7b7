package release

import (
	"bytes"
	"compress/gzip"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// pkg is a package as its package manager sees it.
type pkg struct {
	files   map[string]entry
	scripts map[string]string
	control string // Debian's
}

// readDeb reads a package of Debian: an ar of two tars.
// https://manpages.debian.org/deb.5
func readDeb(t testing.TB, file string) pkg {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := pkg{files: map[string]entry{}, scripts: map[string]string{}}
	rest, ok := bytes.CutPrefix(text, []byte("!<arch>\n"))
	if !ok {
		t.Fatalf("%s is no ar", file)
	}
	control := map[string]entry{}
	for len(rest) >= 60 {
		name := strings.TrimRight(string(rest[:16]), " /")
		size, err := strconv.Atoi(strings.TrimSpace(string(rest[48:58])))
		if err != nil {
			t.Fatal(err)
		}
		member := rest[60 : 60+size]
		rest = rest[60+size+size%2:]
		switch name {
		case "control.tar.gz":
			readTarGz(t, bytes.NewReader(member), control)
		case "data.tar.gz":
			readTarGz(t, bytes.NewReader(member), p.files)
		}
	}
	for at, e := range control {
		switch name := path.Base(at); name {
		case "control":
			p.control = string(e.content)
		case "conffiles":
			for name := range strings.FieldsSeq(string(e.content)) {
				f, is := p.files[name]
				if !is {
					t.Errorf("%s is a conffile and not there", name)
				}
				f.config = true
				p.files[name] = f
			}
		case "preinst", "postinst", "prerm", "postrm":
			if e.mode.Perm()&0o111 == 0 {
				t.Errorf("%s has mode %v", name, e.mode)
			}
			p.scripts[name] = string(e.content)
		}
	}
	return p
}

// readAPK reads a package of Alpine: tars one after the other. What begins with a dot is for the package manager.
func readAPK(t testing.TB, file string) pkg {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := pkg{files: map[string]entry{}, scripts: map[string]string{}}
	z, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	readTar(t, z, p.files)
	for at, e := range p.files {
		name, special := strings.CutPrefix(at, "/.")
		if !special {
			continue
		}
		delete(p.files, at)
		if name == "PKGINFO" {
			p.control = string(e.content)
		} else {
			p.scripts[name] = string(e.content)
		}
	}
	return p
}

// format is a kind of package.
type format struct {
	name    string
	pattern map[string]string // of its file, by Go's architecture
	read    func(testing.TB, string) pkg
	files   []string // that only this kind has
	scripts []string
	shell   []string // that runs its scripts
}

var formats = []format{
	{
		"deb", map[string]string{"amd64": "*_amd64.deb", "arm64": "*_arm64.deb"}, readDeb,
		[]string{"/usr/lib/systemd/system/legate.service", "/usr/share/zsh/vendor-completions/_legate", "/usr/share/doc/legate/copyright"},
		[]string{"preinst", "postinst", "prerm", "postrm"}, []string{"sh", "-n"},
	},
	{
		"rpm", map[string]string{"amd64": "*.x86_64.rpm", "arm64": "*.aarch64.rpm"}, readRPM,
		[]string{"/usr/lib/systemd/system/legate.service", "/usr/lib/sysusers.d/legate.conf", "/usr/share/zsh/site-functions/_legate", "/usr/share/licenses/legate/LICENSE"},
		[]string{"pre", "post", "preun", "postun"}, []string{"bash", "-n"},
	},
	{
		"apk", map[string]string{"amd64": "*_x86_64.apk", "arm64": "*_aarch64.apk"}, readAPK,
		[]string{"/etc/init.d/legate", "/usr/share/zsh/site-functions/_legate", "/usr/share/licenses/legate/LICENSE"},
		[]string{"pre-install", "pre-upgrade", "post-upgrade", "pre-deinstall"}, []string{"sh", "-n"},
	},
}

func TestAPackageHoldsWhatItShould(t *testing.T) {
	b := aSnapshot(t)
	for _, f := range formats {
		for arch, pattern := range f.pattern {
			p := f.read(t, b.one(t, pattern))
			in, _ := archive(t, b, "linux_"+arch)
			program := ""
			for at, e := range in {
				if path.Base(at) == "legate" && e.mode.Perm() == 0o755 {
					program = string(e.content)
				}
			}
			if program == "" || string(p.files["/usr/bin/legate"].content) != program {
				t.Errorf("%s %s: the program is another than that of the archive", f.name, arch)
			}
			special := map[string]entry{
				"/usr/bin/legate":         {mode: 0o755, owner: "root", group: "root"},
				"/etc/legate":             {mode: os.ModeDir | 0o750, owner: "root", group: "legate"},
				"/etc/legate/legate.yaml": {mode: 0o640, owner: "root", group: "legate", config: f.name != "apk"}, // apk keeps all of /etc
				"/var/lib/legate":         {mode: os.ModeDir | 0o700, owner: "legate", group: "legate"},
				"/etc/init.d/legate":      {mode: 0o755, owner: "root", group: "root"},
			}
			must := append([]string{
				"/usr/bin/legate", "/etc/legate", "/etc/legate/legate.yaml", "/var/lib/legate", "/usr/share/man/man1/legate.1.gz", "/usr/share/man/man1/legate-serve.1.gz",
				"/usr/share/bash-completion/completions/legate", "/usr/share/fish/vendor_completions.d/legate.fish",
				"/usr/share/doc/legate/README.md", "/usr/share/doc/legate/docs/install.md", "/usr/share/doc/legate/examples/sidecar/README.md",
			}, f.files...)
			for _, one := range must {
				if _, is := p.files[one]; !is {
					t.Errorf("%s %s: there is no %s", f.name, arch, one)
				}
			}
			for at, e := range p.files {
				want, is := special[at]
				if !is {
					want = entry{mode: 0o644, owner: "root", group: "root"}
					if e.mode.IsDir() {
						want.mode = os.ModeDir | 0o755
					}
				}
				if e.mode != want.mode || e.owner != want.owner || e.group != want.group || e.config != want.config {
					t.Errorf("%s %s: %s is %v of %s:%s, conffile %v; want %v of %s:%s, %v", f.name, arch, at, e.mode, e.owner, e.group, e.config, want.mode, want.owner, want.group, want.config)
				}
				if !e.mode.IsDir() && len(e.content) == 0 {
					t.Errorf("%s %s: %s is empty", f.name, arch, at)
				}
			}
			for _, name := range f.scripts {
				if p.scripts[name] == "" {
					t.Errorf("%s %s: there is no script %s", f.name, arch, name)
					continue
				}
				check := exec.Command(f.shell[0], f.shell[1:]...)
				check.Stdin = strings.NewReader(p.scripts[name])
				if out, err := check.CombinedOutput(); err != nil {
					t.Errorf("%s %s: script %s: %v: %s", f.name, arch, name, err, out)
				}
			}
			if len(p.scripts) != len(f.scripts) {
				t.Errorf("%s %s: there are scripts that nobody knows: %v", f.name, arch, p.scripts)
			}
		}
	}
}

// The unit is that of examples/sidecar, which is tested with a real Consul, apart from the path of the program.
func TestTheUnitIsTheOneThatIsTested(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(top, "examples", "sidecar", "legate.service"))
	if err != nil {
		t.Fatal(err)
	}
	settings := func(unit []byte) string {
		return regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(string(unit), "")
	}
	want := strings.ReplaceAll(settings(text), "/usr/local/bin/legate", "/usr/bin/legate")
	for _, f := range formats[:2] {
		if got := settings(f.read(t, aSnapshot(t).one(t, f.pattern["amd64"])).files["/usr/lib/systemd/system/legate.service"].content); got != want {
			t.Errorf("%s: the unit is\n%s\nwant\n%s", f.name, got, want)
		}
	}
}

// apk refuses what it cannot order: https://wiki.alpinelinux.org/wiki/Package_policies
func TestVersionsAreSuchAsApkUnderstands(t *testing.T) {
	version := regexp.MustCompile(`(?m)^pkgver = (.*)$`).FindStringSubmatch(readAPK(t, aSnapshot(t).one(t, "*_x86_64.apk")).control)
	if version == nil || !regexp.MustCompile(`^\d+(\.\d+)*(_(alpha|beta|pre|rc|cvs|svn|git|hg|p)\d*)*(-r\d+)?$`).MatchString(version[1]) {
		t.Errorf("the version is %q", version)
	}
}
