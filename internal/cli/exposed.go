package cli

import (
	"fmt"
	"log/slog"
	"os"
	"slices"

	"legate/internal/files"
)

// private marks a setting whose file holds secrets, or may hold them as the configuration does, or decides where traffic
// goes as the policy does.
func private(s *setting) *setting {
	s.private = true
	return s
}

// warnOfExposed logs the files with secrets that every user of this machine can read or change. A configuration
// without a token or a password, and a policy, may be read by all.
func warnOfExposed(settings []*setting, log *slog.Logger) {
	named := map[string]bool{}
	for _, s := range settings {
		if !s.private || len(s.chosen) == 0 {
			continue
		}
		for _, path := range s.files() {
			if named[path] {
				continue
			}
			named[path] = true
			info, err := os.Stat(path)
			if err != nil {
				continue // whoever reads the file reports it
			}
			read, write := files.Others(info)
			mode := "o-rwx"
			if s.name == "policy" || s.name == "config" && !slices.ContainsFunc(settings, func(s *setting) bool { return s.opens && s.inFile }) {
				read, mode = false, "o-w"
			}
			if can := othersCan(read, write); can != "" {
				log.Warn("file is open to others: every user of this machine can get at what is in it", "file", path, "setting", "--"+s.name,
					"mode", fmt.Sprintf("%04o", info.Mode().Perm()), "others_can", can, "remedy", "chmod "+mode+" "+path)
			}
		}
	}
}

// files are the files that a private setting names. In a folder of policies, whoever can write to it can add one.
func (s *setting) files() []string {
	path := last(s.chosen)
	if s.name != "policy" {
		return []string{path}
	}
	inside, err := policyPaths(path)
	if err != nil || slices.Contains(inside, path) {
		return []string{path}
	}
	return append([]string{path}, inside...)
}

func othersCan(read, write bool) string {
	switch {
	case read && write:
		return "read and change"
	case read:
		return "read"
	case write:
		return "change"
	}
	return ""
}
