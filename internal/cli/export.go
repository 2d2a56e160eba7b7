package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"legate/examples/grafana"
)

func forceSetting(to *bool, env string) *setting {
	return boolean(to, setting{
		name: "force", env: env, category: "Flags",
		usage: "Overwrite files that are there and are different.",
	})
}

// export writes files to a folder, and prints what has become of each. Unless force is set, it writes either all of
// them or none: none if it would overwrite a file that is different.
func (p *program) export(folder string, all []grafana.File, force bool) error {
	results := make([]string, len(all))
	var others []string
	for i, f := range all {
		path := filepath.Join(folder, f.Name)
		old, err := os.ReadFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			results[i] = "written"
		case err != nil:
			return fmt.Errorf("read %q, which would be overwritten: %w", path, reason(err))
		case bytes.Equal(old, f.Content):
			results[i] = "unchanged"
		default:
			results[i] = "overwritten"
			others = append(others, path)
		}
	}
	if len(others) > 0 && !force {
		are := " is there and is different"
		if more := len(others) - 1; more > 0 {
			are = fmt.Sprintf(" and %s are there and are different", plural(more, "more file"))
		}
		return fmt.Errorf("%q%s, so nothing is written: compare them, then overwrite with --force, or name another place", others[0], are)
	}
	for i, f := range all {
		path := filepath.Join(folder, f.Name)
		if results[i] != "unchanged" {
			if err := writeWhole(path, f.Content); err != nil {
				return fmt.Errorf("write %q: %w", path, withFolder(folder, err))
			}
		}
		fmt.Fprintf(p.out, "%-12s %s\n", results[i], path)
	}
	return nil
}

// withFolder adds a remedy to an error if the folder does not exist.
func withFolder(folder string, err error) error {
	if _, missing := os.Stat(folder); errors.Is(missing, fs.ErrNotExist) {
		return fmt.Errorf("there is no folder %q: create it first", folder)
	}
	return reason(err)
}

// writeWhole writes a file so that whoever reads it meanwhile, as Grafana and Prometheus do, sees the old one or the
// new one. A new file can be read by everybody: it holds no secrets, and they run as other users.
func writeWhole(path string, content []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(path), ".legate-export-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temp.Name()) }()
	_, err = temp.Write(content)
	if err := errors.Join(err, temp.Chmod(0o644), temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}
