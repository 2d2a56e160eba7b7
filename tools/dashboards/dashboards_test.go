package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestTheFilesAreWhatTheCodeMakes(t *testing.T) {
	made := map[string]bool{}
	for _, b := range boards() {
		want, err := b.file()
		if err != nil {
			t.Fatalf("%s: %v", b.name, err)
		}
		path := filepath.Join(folder, b.fileName())
		made[path] = true
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the code makes (%v): make dashboards, and review the diff", path, err)
		}
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !made[f] {
			t.Errorf("%s is made by nothing: remove it", f)
		}
	}
}
