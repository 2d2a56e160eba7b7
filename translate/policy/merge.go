package policy

import "slices"

// Merge is what several sources say together, the weakest first: of each field, the word of the strongest
// that says something.
func Merge(weakestFirst ...Layer) Layer {
	var merged Layer
	for _, l := range weakestFirst {
		merged = over(merged, l)
	}
	return merged
}

// over merges two layers, both in the order of the fields; b is the stronger one.
func over(a, b Layer) Layer {
	if len(a) == 0 {
		return b
	}
	if len(b) == 0 {
		return a
	}
	merged := make(Layer, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0].Field.place < b[0].Field.place:
			merged, a = append(merged, a[0]), a[1:]
		case a[0].Field.place == b[0].Field.place:
			a = a[1:]
		default:
			merged, b = append(merged, b[0]), b[1:]
		}
	}
	return append(append(merged, a...), b...)
}

// Effective is the policy of one service: what all sources together say, and nothing that Envoy would
// refuse. It is never changed.
type Effective struct{ values Layer }

// Policy is what holds, as typed fields.
func (e *Effective) Policy() Policy { return e.values.policy() }

// Values are what holds, each with its source, in the order of [Fields].
func (e *Effective) Values() []*Value { return slices.Clone(e.values) }

// Same reports whether both say the same, whoever says it.
func (e *Effective) Same(o *Effective) bool {
	return slices.EqualFunc(e.values, o.values, func(a, b *Value) bool { return a == b || a.Field == b.Field && a.text == b.text })
}

// effective merges layers and leaves out what breaks a rule: of the fields of each mistake, the one whose
// source is the weakest. What the next weaker source says of it then holds.
func effective(layers []Layer, dropped func(*Value, Mistake)) *Effective {
	layers = slices.Clone(layers)
	for {
		merged := Merge(layers...)
		weakest, why := breaks(merged)
		if weakest == nil {
			return &Effective{merged}
		}
		dropped(weakest, why)
		for i := range layers {
			if layers[i].get(weakest.Field) == weakest {
				layers[i] = layers[i].without(weakest.Field)
			}
		}
	}
}

// breaks is the first contradiction in a layer, with the value to leave out; nil if there is none. Each value
// by itself was checked when it was read.
func breaks(l Layer) (*Value, Mistake) {
	for _, m := range l.policy().contradictions() {
		if v := m.weakest(l); v != nil {
			return v, m
		}
	}
	return nil, Mistake{}
}
