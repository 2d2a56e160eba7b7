package envoycheck

import (
	"fmt"
	"strings"
	"unicode"
)

// tree is a part of a bootstrap; nil where there is nothing.
type tree struct{ value any }

// at follows a path of keys. Both spellings of a key count: Envoy takes connect_timeout and connectTimeout.
func (t tree) at(path ...string) tree {
	for _, key := range path {
		m, _ := t.value.(map[string]any)
		value, has := m[key]
		if !has {
			value = m[camel(key)]
		}
		t = tree{value}
	}
	return t
}

func camel(key string) string {
	var out strings.Builder
	up := false
	for _, r := range key {
		switch {
		case r == '_':
			up = true
		case up:
			out.WriteRune(unicode.ToUpper(r))
			up = false
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

func (t tree) is() bool { return t.value != nil }

// text is a value as text; empty for none.
func (t tree) text() string {
	if t.value == nil {
		return ""
	}
	return fmt.Sprint(t.value)
}

func (t tree) list() (all []tree) {
	values, _ := t.value.([]any)
	for _, v := range values {
		all = append(all, tree{v})
	}
	return all
}

// has reports whether a key is anywhere below.
func (t tree) has(key string) bool {
	switch v := t.value.(type) {
	case map[string]any:
		for k, below := range v {
			if k == key || k == camel(key) || (tree{below}).has(key) {
				return true
			}
		}
	case []any:
		for _, below := range v {
			if (tree{below}).has(key) {
				return true
			}
		}
	}
	return false
}
