package policy

// Source is who says something.
type Source struct {
	Kind  Kind
	Where string // file and line, Consul's entry, key of the meta; empty for built-in defaults
}

// String is the source for people: "services legate.yaml:12".
func (s Source) String() string {
	if s.Where == "" {
		return s.Kind.String()
	}
	return s.Kind.String() + " " + s.Where
}

// Kind is the kind of a source.
type Kind uint8

// The kinds of sources, the weakest first.
const (
	BuiltIn  Kind = iota // Legate's own defaults
	Defaults             // defaults: of the operator's file
	Consul               // Consul's config entries
	Owner                // the service's meta
	Services             // services: of the operator's file
)

// String is the kind in a word.
func (k Kind) String() string {
	return [...]string{"built-in", "defaults", "consul", "owner", "services"}[k]
}
