package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// candidates lists the changes of a package's files, and the files as they are.
func candidates(o options) ([]change, map[string][]byte, error) {
	if o.pkg == "" {
		return nil, nil, errors.New("-pkg is missing: which package? as -pkg ./discovery")
	}
	cmd := exec.Command("go", "list", "-json=Dir,GoFiles", o.pkg)
	cmd.Dir = o.module
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return nil, nil, fmt.Errorf("list %s: %w: %s", o.pkg, err, complaint.Bytes())
	}
	var pkg struct {
		Dir     string
		GoFiles []string
	}
	if err := json.Unmarshal(out, &pkg); err != nil {
		return nil, nil, fmt.Errorf("list %s: %w", o.pkg, err)
	}
	var all []change
	sources := map[string][]byte{}
	for _, name := range pkg.GoFiles {
		fits, err := filepath.Match(o.files, name)
		if err != nil {
			return nil, nil, fmt.Errorf("-files %q: %w", o.files, err)
		}
		if !fits {
			continue
		}
		file, err := filepath.Rel(o.module, filepath.Join(pkg.Dir, name))
		if err != nil {
			return nil, nil, err
		}
		source, err := os.ReadFile(filepath.Join(pkg.Dir, name))
		if err != nil {
			return nil, nil, err
		}
		found, err := find(file, source)
		if err != nil {
			return nil, nil, err
		}
		sources[file] = source
		all = append(all, found...)
	}
	var some []change
	for i := 0; i < len(all); i += max(1, o.every) {
		some = append(some, all[i])
	}
	if len(some) == 0 {
		return nil, nil, fmt.Errorf("nothing can be changed in the files %q of %s", o.files, o.pkg)
	}
	return some, sources, nil
}
