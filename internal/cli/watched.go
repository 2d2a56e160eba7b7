package cli

import (
	"time"

	"legate/internal/files"
)

// pollEvery is how often files are read that can be reloaded. A new content must be the same twice in a row,
// since an editor may still be writing it.
const pollEvery = 2 * time.Second

// watched is a file, or several as one, that is loaded again when its content changes.
type watched struct {
	path          string
	read          func(path string) ([]byte, error)
	known, before string // the content that was loaded, and the last one that was seen
}

// watch begins with the content as it is now. So call it before the file is loaded: then no change between
// the two is missed. It is nil without a path.
func watch(path string, read func(path string) ([]byte, error)) *watched {
	if path == "" {
		return nil
	}
	w := &watched{path: path, read: read}
	w.take()
	return w
}

func watchConfig(path string) *watched {
	return watch(path, func(path string) ([]byte, error) { return files.Read(path, maxConfig) })
}

// content is empty if it cannot be read. That is no change: the file may be being replaced.
func (w *watched) content() string {
	text, err := w.read(w.path)
	if err != nil {
		return ""
	}
	return string(text)
}

// take takes the content as it is now for loaded.
func (w *watched) take() {
	w.known = w.content()
	w.before = w.known
}

// changed reports whether there is a new content that can be loaded, and takes it for loaded.
func (w *watched) changed() bool {
	content := w.content()
	is := content != w.known && content == w.before && content != ""
	if is {
		w.known = content
	}
	w.before = content
	return is
}
