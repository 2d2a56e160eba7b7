package e2e_test

import (
	"io"
	"io/fs"
	"strings"
	"testing/fstest"
)

// replacedFS is a folder of texts in which some strings are replaced by others.
type replacedFS struct {
	fs.FS
	replace *strings.Replacer
}

func (r replacedFS) Open(name string) (fs.File, error) {
	f, err := r.FS.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil || info.IsDir() {
		return f, err
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	one := fstest.MapFS{name: {Data: []byte(r.replace.Replace(string(text))), Mode: info.Mode()}}
	return one.Open(name)
}
