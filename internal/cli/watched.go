package cli

import "time"

// pollEvery is how often files are read that can be reloaded. A new content must be the same twice in a row,
// since an editor may still be writing it.
const pollEvery = 2 * time.Second

// watched is a file, or several as one, that is loaded again when its content changes.
type watched struct {
	read          func() ([]byte, error)
	reload        func(cause string)
	known, before string // the content that was loaded, and the last one that was seen
}

// watch takes the content as it is now for loaded.
func watch(read func() ([]byte, error), reload func(cause string)) *watched {
	w := &watched{read: read, reload: reload}
	w.known = w.content()
	w.before = w.known
	return w
}

// content is empty if it cannot be read. That is no change: the file may be being replaced.
func (w *watched) content() string {
	text, err := w.read()
	if err != nil {
		return ""
	}
	return string(text)
}

// now loads it again, changed or not.
func (w *watched) now(cause string) {
	w.known = w.content()
	w.before = w.known
	w.reload(cause)
}

func (w *watched) poll() {
	content := w.content()
	if content != w.known && content == w.before && content != "" {
		w.known = content
		w.reload("the file has changed")
	}
	w.before = content
}
