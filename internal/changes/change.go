package changes

import (
	"slices"
	"time"

	"legate/internal/quote"
)

// Kind is what a change is about.
type Kind string

// The kinds of changes.
const (
	Snapshot Kind = "snapshot" // the first complete snapshot, as a whole
	Service  Kind = "service"  // a service came or went, or its instances changed
	Policy   Kind = "policy"   // how services are reached
	Entry    Kind = "entry"    // one of Consul's config entries
	Hold     Kind = "hold"     // a loss is not believed yet, or the doubt is over
	Reload   Kind = "reload"   // a file was read again, or was rejected
	More     Kind = "more"     // further services that changed at once, which are only counted
)

// Kinds are all of them.
func Kinds() []Kind { return []Kind{Snapshot, Service, Policy, Entry, Hold, Reload, More} }

// Change is what changed at one moment. It is a value, and is never changed once it is in a Record.
type Change struct {
	// ID names the change: the mark of Legate's start, and a number that only grows. The Record sets it.
	ID   ID   `json:"id"`
	Kind Kind `json:"kind"`
	// At is when it was recorded.
	At time.Time `json:"at"`
	// Answered is when Consul's answer came; of several that were taken together, the oldest. It is zero for what
	// Consul did not say.
	Answered time.Time `json:"answered,omitzero"`
	// Published is when clients could be sent it; zero: nothing of what they get has changed.
	Published time.Time `json:"published,omitzero"`
	// Taken is when the bridge began with it, and Served when the server's snapshot had it. They are for traces, and not
	// told otherwise.
	Taken  time.Time `json:"-"`
	Served time.Time `json:"-"`
	// Services are those that changed in this way, by name: one, unless many changed alike. Names are bounded.
	Services []string `json:"services,omitempty"`
	// Of are the services of which these are ports or subsets: who asks for the changes of one gets those, too. Bounded alike.
	Of []string `json:"-"`
	// Index is Consul's index of that answer; 0: unknown.
	Index uint64 `json:"index,omitempty"`
	// Cluster and Endpoints are the versions in which the service's resources were published; empty: they are as
	// they were.
	Cluster   string `json:"cluster_version,omitempty"`
	Endpoints string `json:"endpoints_version,omitempty"`
	// Added, Removed and Altered count instances. The lines may show fewer of them.
	Added   int `json:"added,omitempty"`
	Removed int `json:"removed,omitempty"`
	Altered int `json:"altered,omitempty"`
	// Lines say what changed; More counts those beyond the bound, of an instance one.
	Lines []Line `json:"lines"`
	More  int    `json:"more_lines,omitempty"`
}

// Seconds is how long it took from Consul's answer until it was published; 0 if one of these is unknown.
func (c *Change) Seconds() float64 {
	if c.Answered.IsZero() || c.Published.IsZero() {
		return 0
	}
	return c.Published.Sub(c.Answered).Seconds()
}

// The signs of lines.
const (
	Plus  = "+"
	Minus = "-"
	Tilde = "~"
)

// Line is one difference. Its texts are bounded; they are untrusted, as names in Consul are.
type Line struct {
	// Op is + for what is there now, - for what is gone, ~ for what is another.
	Op string `json:"op"`
	// What is service or instance, or the field that differs: health, check, weight, tag, meta, ...
	What string `json:"what"`
	// Key is which of the fields, where there are several: the id of a check, a tag, a key of meta, a field of a
	// policy.
	Key string `json:"key,omitempty"`
	// Instance is node/id, and Address where the instance is reached; both are empty if the line is not about one.
	Instance string `json:"instance,omitempty"`
	Address  string `json:"address,omitempty"`
	// From and To are the values; empty: there was or is none.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// Checks are the ids of the checks because of which the instance is not passing: some of them.
	Checks []string `json:"checks,omitempty"`
	// Detail is what else there is to say: of a new instance, what is not usual; of a policy, who says so.
	Detail string `json:"detail,omitempty"`
}

// Bounds of one change.
const (
	maxLines  = 24
	maxText   = 160 // bytes of one text
	maxChecks = 5
)

// MaxServices is how many services can be in one change, because they changed alike.
const MaxServices = 64

// overhead is about what a change and a line take besides their texts, in bytes.
const (
	changeOverhead = 368
	lineOverhead   = 200
)

// bounded returns c within the bounds.
func (c Change) bounded() Change {
	if extra := len(c.Lines) - maxLines; extra > 0 {
		c.More += extra
		c.Lines = c.Lines[:maxLines]
	}
	c.Lines = slices.Clone(c.Lines)
	for i := range c.Lines {
		l := &c.Lines[i]
		for _, text := range []*string{&l.Key, &l.Instance, &l.Address, &l.From, &l.To, &l.Detail} {
			*text = quote.Cut(*text, maxText)
		}
		if len(l.Checks) > maxChecks {
			l.Checks = l.Checks[:maxChecks]
		}
		l.Checks = cutAll(l.Checks)
	}
	for _, names := range []*[]string{&c.Services, &c.Of} {
		*names = cutAll((*names)[:min(len(*names), MaxServices)])
	}
	return c
}

func cutAll(texts []string) []string {
	if len(texts) == 0 {
		return nil
	}
	out := make([]string, len(texts))
	for i, text := range texts {
		out[i] = quote.Cut(text, quote.NameBytes)
	}
	return out
}

// size is about how many bytes c takes.
func (c *Change) size() int {
	n := changeOverhead + len(c.Cluster) + len(c.Endpoints)
	for _, names := range [][]string{c.Services, c.Of} {
		for _, s := range names {
			n += 16 + len(s)
		}
	}
	for i := range c.Lines {
		l := &c.Lines[i]
		n += lineOverhead + len(l.Key) + len(l.Instance) + len(l.Address) + len(l.From) + len(l.To) + len(l.Detail)
		for _, id := range l.Checks {
			n += 16 + len(id)
		}
	}
	return n
}
