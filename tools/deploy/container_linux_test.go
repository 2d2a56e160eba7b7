package deploy

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// container is a program that runs as a container engine would run it, as far as a test can say: with the image's
// user, root and environment.
type container struct {
	name string
	args []string
	env  []string
	root string // empty: this machine's
	user uint32
	log  string

	running *exec.Cmd
	ended   chan struct{}
}

// command is a program in the container. The child ends with the test.
func (c *container) command(ctx context.Context, args []string) *exec.Cmd {
	path := args[0]
	if c.root == "" {
		if found, err := exec.LookPath(path); err == nil {
			path = found
		}
	}
	cmd := exec.CommandContext(ctx, path, args[1:]...)
	cmd.Path, cmd.Err = path, nil // it is in the root
	cmd.Env = c.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Chroot: c.root}
	if c.root != "" {
		cmd.Dir = "/"
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: c.user, Gid: c.user}
	}
	return cmd
}

func (c *container) start(t *testing.T) {
	t.Helper()
	c.log = filepath.Join(t.TempDir(), c.name+".log")
	log, err := os.Create(c.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	c.running = c.command(context.Background(), c.args)
	c.running.Stdout, c.running.Stderr = log, log
	if err := c.running.Start(); err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	c.ended = make(chan struct{})
	go func() {
		defer close(c.ended)
		_ = c.running.Wait() // whoever needs it alive notices that it is not
	}()
	t.Cleanup(func() {
		c.kill()
		if said, err := os.ReadFile(c.log); err == nil && t.Failed() {
			t.Logf("%s %s said:\n%s", c.name, c.args, said)
		}
	})
}

func (c *container) kill() {
	_ = c.running.Process.Kill() // it may have ended
	<-c.ended
}

// healthy waits until a health check succeeds in the container.
func (c *container) healthy(t *testing.T, check []string) {
	t.Helper()
	eventually(t, func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		select {
		case <-c.ended:
			t.Fatalf("%s has ended: %v", c.name, c.running.ProcessState)
		default:
		}
		if said, err := c.command(ctx, check).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %s: %w: %s", c.name, strings.Join(check, " "), err, said)
		}
		return nil
	})
}

// imageRoot makes a root that holds what Legate's image has on top of its base: the program, and a folder for state
// that belongs to its user. The engine adds the hosts file and mounts a volume over the folder; all else is read-only.
func imageRoot(t *testing.T, entry string, user uint32) (root string) {
	t.Helper()
	root = filepath.Join(t.TempDir(), "root")
	volume := t.TempDir()
	for path, mode := range map[string]os.FileMode{filepath.Dir(entry): 0o755, "/var/lib/legate": 0o755, "/etc": 0o755} {
		if err := os.MkdirAll(filepath.Join(root, path), mode); err != nil {
			t.Fatal(err)
		}
	}
	for from, to := range map[string]string{legate(t): entry, "/etc/hosts": "/etc/hosts"} {
		text, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(filepath.Join(root, to), text, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(volume, int(user), int(user)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(volume, 0o700); err != nil {
		t.Fatal(err)
	}
	mount := func(from, to string, flags uintptr) {
		if err := unix.Mount(from, to, "", flags, ""); err != nil {
			t.Fatalf("mount %s: %v", to, err)
		}
	}
	mount(root, root, unix.MS_BIND)
	mount(volume, filepath.Join(root, "/var/lib/legate"), unix.MS_BIND)
	mount("", root, unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY)
	t.Cleanup(func() {
		_ = unix.Unmount(filepath.Join(root, "/var/lib/legate"), unix.MNT_DETACH)
		_ = unix.Unmount(root, unix.MNT_DETACH)
	})
	return root
}

// eventually repeats ask until it returns no error. It waits long, since the machine may be busy.
func eventually(t *testing.T, ask func() error) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		err := ask()
		if err == nil {
			return
		}
		if time.Since(began) > time.Minute {
			t.Fatalf("still after a minute: %v", err)
		}
	}
}
