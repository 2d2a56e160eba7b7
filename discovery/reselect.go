package discovery

import "time"

// Selection says which services are watched; see [Config].
type Selection struct{ Include, Exclude, Tags []string }

// Selection is what a Watcher starts with.
func (c Config) Selection() Selection { return Selection{c.Include, c.Exclude, c.Tags} }

// Selecting is c with another selection.
func (c Config) Selecting(s Selection) Config {
	c.Include, c.Exclude, c.Tags = s.Include, s.Exclude, s.Tags
	return c
}

// Select changes which services are watched, at any time. It does not wait: what is selected
// now is read and handed out as it comes, what is not any more is taken back at once, since
// somebody asked for just that.
func (w *Watcher) Select(s Selection) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.selections: // one that the owner has not seen
	default:
	}
	w.selections <- s
}

// reselect applies a new selection to the last list.
func (o *owner) reselect(s Selection) {
	o.cfg = o.cfg.Selecting(s)
	if !o.listed {
		return
	}
	again := o.last
	again.at = time.Now()
	again.apply(o)
}
