package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// blocks returns the commands of docs/install.md of one kind, in order. A block of output belongs to the command
// before it.
func blocks(t testing.TB, kind string) (commands, outputs []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, "docs", "install.md"))
	if err != nil {
		t.Fatal(err)
	}
	its := false // the block before is of this kind
	for _, m := range regexp.MustCompile("(?ms)^```([a-z ]+)\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		switch {
		case m[1] == "text" && its:
			outputs[len(outputs)-1] = strings.TrimSpace(m[2])
			its = false
		default:
			if its = strings.HasPrefix(m[1], "sh "+kind); !its {
				continue
			}
			command := strings.TrimSpace(m[2])
			if strings.HasSuffix(m[1], " terminal") {
				command += " &"
			}
			commands, outputs = append(commands, command), append(outputs, "")
		}
	}
	if len(commands) == 0 {
		t.Fatalf("the page has no commands for %s", kind)
	}
	return commands, outputs
}

// A stranger follows the page, word for word: the package, the service, an Envoy that follows Consul.
func TestAStrangerIsServedByWhatThePageSays(t *testing.T) {
	m := aMachine(t)
	b := aRelease(t)
	m.add(t, b.one(t, "*_"+runtime.GOARCH+".deb"), filepath.Base(b.one(t, "*_"+runtime.GOARCH+".deb")))
	m.add(t, b.dist("SHA256SUMS"), "SHA256SUMS")
	fetched, err := output(top, "go", "run", "./internal/parts/fetch", "Consul", "Envoy")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(fetched) {
		name, file, _ := strings.Cut(strings.TrimSpace(line), ": ")
		m.add(t, file, "bin-"+strings.ToLower(name))
	}
	var script strings.Builder
	script.WriteString(". ./stranger.sh\n")
	for _, kind := range []string{"sums", "debian", "first"} {
		commands, outputs := blocks(t, kind)
		for i, command := range commands {
			script.WriteString("step " + quoted(outputs[i]) + " " + quoted(command) + "\n")
		}
	}
	script.WriteString("finish\n")
	m.write(t, "page.sh", script.String())
	if out := m.run(t, "page.sh"); !strings.Contains(out, "Envoy follows Consul") {
		t.Errorf("it ended early:\n%s", out)
	}
}

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// The archive and the source are used as the page says, in a folder of their own.
func TestTheProgramAloneRunsAsThePageSays(t *testing.T) {
	b := aRelease(t)
	if runtime.GOOS != "linux" {
		t.Skip("the page unpacks the archive for Linux")
	}
	dir, bin := t.TempDir(), t.TempDir()
	file := b.one(t, "*_linux_"+runtime.GOARCH+".tar.gz")
	if err := copyFile(file, filepath.Join(dir, filepath.Base(file))); err != nil {
		t.Fatal(err)
	}
	commands, _ := blocks(t, "archive")
	for command := range strings.Lines(commands[0]) {
		command = strings.NewReplacer("sudo ", "", "/usr/local/bin", bin, "legate serve", filepath.Join(bin, "legate")+" serve --help").Replace(strings.TrimSpace(command))
		if err := run(dir, nil, "bash", "-c", command); err != nil {
			t.Error(err)
		}
	}
	commands, _ = blocks(t, "source")
	if err := run(t.TempDir(), nil, "bash", "-ec", strings.ReplaceAll(commands[0], "https://example.org/legate.git", b.source)); err != nil {
		t.Error(err)
	}
}

// The commands for systems that this machine is not name files that there are, once for each architecture.
func TestOtherSystemsAreGivenFilesThatThereAre(t *testing.T) {
	b := aRelease(t)
	for kind, pattern := range map[string]string{"fedora": `legate-\S+\.rpm`, "alpine": `legate_\S+\.apk`} {
		commands, _ := blocks(t, kind)
		named := regexp.MustCompile(pattern).FindString(commands[0])
		for _, machine := range []string{"x86_64", "aarch64"} {
			b.one(t, strings.ReplaceAll(named, "$(uname -m)", machine))
		}
		for _, command := range commands {
			check := exec.Command("bash", "-n")
			check.Stdin = strings.NewReader(command)
			if out, err := check.CombinedOutput(); err != nil {
				t.Errorf("%s: %v: %s", command, err, out)
			}
		}
	}
}
