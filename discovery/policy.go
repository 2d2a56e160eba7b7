package discovery

// policy chooses which services have a blocking query of their own, out of all names, sorted,
// for at most slots of them. It should leave those that have one in place: a change costs a
// connection.
type policy func(names []string, has func(name string) bool, slots int) map[string]bool

// firstByName keeps who has one and fills up by name.
func firstByName(names []string, has func(string) bool, slots int) map[string]bool {
	chosen := make(map[string]bool, min(len(names), slots))
	for _, kept := range []bool{true, false} {
		for _, name := range names {
			if len(chosen) < slots && has(name) == kept {
				chosen[name] = true
			}
		}
	}
	return chosen
}

// slots is how many blocking queries on services there may be beside the list and the reserve.
func (w *Watcher) slots() int {
	return w.consul.Capacity() - 1 - reserve
}
