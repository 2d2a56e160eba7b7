package compare

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// tree is a message as JSON values: maps, lists, texts, numbers. A message with content that this program
// cannot name is a hash of its bytes: it can be told from others, and no more.
func tree(m proto.Message) any {
	content, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
	if err != nil {
		value, _ := proto.MarshalOptions{Deterministic: true}.Marshal(m) // of a message that was unmarshalled
		return map[string]any{"content": fmt.Sprintf("%x", sha256.Sum256(value))[:16]}
	}
	var out any
	d := json.NewDecoder(bytes.NewReader(content))
	d.UseNumber()
	if err := d.Decode(&out); err != nil {
		return map[string]any{"content": string(content)}
	}
	return out
}

// Field is a value that differs. A value that is not set is empty.
type Field struct {
	Name string `json:"name"`
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

// fields are the places at which two trees differ: the highest ones at which one of them has nothing, or
// something of another kind.
func fields(path string, a, b any) []Field {
	x, isMap := a.(map[string]any)
	y, areMaps := b.(map[string]any)
	if isMap && areMaps {
		var all []Field
		keys := maps.Clone(x)
		maps.Copy(keys, y)
		for _, k := range slices.Sorted(maps.Keys(keys)) {
			below := k
			if path != "" {
				below = path + "." + k
			}
			all = append(all, fields(below, x[k], y[k])...)
		}
		return all
	}
	p, isList := a.([]any)
	q, areLists := b.([]any)
	if isList && areLists && len(p) == len(q) {
		var all []Field
		for i := range p {
			all = append(all, fields(fmt.Sprintf("%s[%d]", path, i), p[i], q[i])...)
		}
		return all
	}
	if reflect.DeepEqual(a, b) {
		return nil
	}
	return []Field{{path, value(a), value(b)}}
}

// value is a tree as text; empty for none.
func value(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return string(bytes.TrimSpace(out.Bytes()))
}
