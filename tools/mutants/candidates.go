package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// candidates returns the changes of a package's files, the content of the files, and the package's
// folder.
func candidates(o options) (changes []change, sources map[string][]byte, folder string, err error) {
	if o.pkg == "" {
		return nil, nil, "", errors.New("-pkg is missing: which package? as -pkg ./discovery")
	}
	cmd := exec.Command("go", "list", "-json=Dir,GoFiles", o.pkg)
	cmd.Dir = o.module
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return nil, nil, "", fmt.Errorf("list %s: %w: %s", o.pkg, err, complaint.Bytes())
	}
	var pkg struct {
		Dir     string
		GoFiles []string
	}
	if err := json.Unmarshal(out, &pkg); err != nil {
		return nil, nil, "", fmt.Errorf("list %s: %w", o.pkg, err)
	}
	var all []change
	sources = map[string][]byte{}
	for _, name := range pkg.GoFiles {
		if fits, err := matches(o.files, name); err != nil {
			return nil, nil, "", err
		} else if !fits {
			continue
		}
		file, err := filepath.Rel(o.module, filepath.Join(pkg.Dir, name))
		if err != nil {
			return nil, nil, "", err
		}
		source, err := os.ReadFile(filepath.Join(pkg.Dir, name))
		if err != nil {
			return nil, nil, "", err
		}
		found, err := find(file, source)
		if err != nil {
			return nil, nil, "", err
		}
		sources[file] = source
		all = append(all, found...)
	}
	var some []change
	for i := 0; i < len(all); i += max(1, o.every) {
		some = append(some, all[i])
	}
	if len(some) == 0 {
		return nil, nil, "", fmt.Errorf("nothing can be changed in the files %q of %s", o.files, o.pkg)
	}
	return some, sources, pkg.Dir, nil
}

// matches reports whether a file's name matches one of the comma-separated patterns.
func matches(patterns, name string) (bool, error) {
	for pattern := range strings.SplitSeq(patterns, ",") {
		fits, err := filepath.Match(pattern, name)
		if err != nil {
			return false, fmt.Errorf("-files %q: %w", pattern, err)
		}
		if fits {
			return true, nil
		}
	}
	return false, nil
}
