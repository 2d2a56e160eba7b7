package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"legate/internal/suggest"
)

// level is a mapping of a policy file: the file itself, a rule (or defaults), match, a group of fields by its
// path, or an element of a list by the list's path.
type level string

// The levels that are no group of fields.
const (
	fileLevel  level = "file"
	ruleLevel  level = "rule"
	matchLevel level = "match"
)

// The names that a file and a match may have.
var (
	fileNames  = []string{"owners", "defaults", "services"}
	matchNames = []string{"names", "datacenters", "peers", "ports", "tags", "meta", "filter"}
)

// names are what a level may hold, and the levels below it.
func (l level) names() []string {
	switch l {
	case fileLevel:
		return fileNames
	case ruleLevel:
		return append(slices.Clone(policySchema().names[""]), string(matchLevel))
	case matchLevel:
		return matchNames
	}
	if f := policySchema().byPath[string(l)]; f != nil {
		return f.elements().names[""]
	}
	return policySchema().names[string(l)]
}

// below are the levels that a level has below it, sorted.
func (l level) below() (all []level) {
	switch l {
	case fileLevel:
		return append([]level{ruleLevel}, ruleLevel.below()...)
	case matchLevel:
		return nil
	case ruleLevel:
		all = append(all, matchLevel)
	}
	for group := range maps.Keys(policySchema().names) {
		if group != "" && (l == ruleLevel || strings.HasPrefix(group, string(l)+".")) {
			all = append(all, level(group))
		}
	}
	for _, f := range policySchema().fields {
		if f.elements() != nil && (l == ruleLevel || strings.HasPrefix(f.Path, string(l)+".")) {
			all = append(all, level(f.Path))
		}
	}
	slices.Sort(all)
	return all
}

// under is the level that a key of this one begins.
func (l level) under(key string) level {
	switch l {
	case fileLevel:
		return ruleLevel
	case ruleLevel:
		return level(key)
	default:
		return l + "." + level(key)
	}
}

// misplaced says where a name belongs that a level does not have: most often its indentation is wrong. empty are
// the keys of the mapping that have no value, with their lines. The text is empty if the name is none at all.
func (l level) misplaced(name string, empty map[string]int) string {
	has := func(at level) bool { return slices.Contains(at.names(), name) }
	for _, key := range slices.Sorted(maps.Keys(empty)) {
		if at := l.under(key); slices.Contains(l.below(), at) && has(at) {
			return fmt.Sprintf(": it is a field of %s (line %d): indent it deeper than that", key, empty[key])
		}
	}
	var in []string
	for _, at := range l.below() {
		if has(at) {
			in = append(in, string(at))
		}
	}
	switch {
	case len(in) > 0 && in[0] == string(ruleLevel):
		return ": it is a field of defaults, and of each rule under services: write it below one of them, indented"
	case len(in) > 0:
		return fmt.Sprintf(": it is a field of %s: write it below that, indented", strings.Join(in, " and of "))
	case l != fileLevel && l != ruleLevel && has(ruleLevel):
		return ": it is a field of the rule itself, or of defaults: indent it less"
	case l != fileLevel && has(fileLevel):
		return ": it stands at the beginning of a line: do not indent it"
	default:
		return ""
	}
}

// unknown notes a key that the mapping n may not have.
func (d *decoder) unknown(key, n *yaml.Node, what string, l level, names []string) {
	empty := map[string]int{}
	for i := 0; i < len(n.Content); i += 2 {
		if isNull(follow(n.Content[i+1])) {
			empty[n.Content[i].Value] = n.Content[i].Line
		}
	}
	hint := l.misplaced(key.Value, empty)
	if hint == "" {
		hint = suggest.DidYouMean(key.Value, names)
	}
	if hint == "" {
		hint = ": there are " + strings.Join(names, ", ")
	}
	d.fail(key, "unknown field %s in %s%s", quote(key.Value), what, hint)
}
