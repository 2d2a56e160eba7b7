package policy

import "encoding/json"

// Explanation is the policy of one service for people: what holds, who said it, and what does not count.
type Explanation struct {
	Service  string           `json:"service"`
	Fields   []ExplainedField `json:"fields"`
	Problems []Explained      `json:"problems"`
	NoEffect []NoEffect       `json:"no_effect,omitempty"`
}

// NoEffect is a field that holds, and that Envoy does not look at.
type NoEffect struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
	Remedy string `json:"remedy"`
}

// ExplainedField is one field that somebody set. Fields that nobody set have Envoy's own default.
type ExplainedField struct {
	Field  string          `json:"field"`
	Value  json.RawMessage `json:"value"`
	Source string          `json:"source"`
}

// Explained is something that does not count.
type Explained struct {
	Source string `json:"source"`
	Detail string `json:"detail"`
	Remedy string `json:"remedy"`
}

// Explain makes an explanation of what [Policies.For] returned.
func Explain(service string, e *Effective, problems []Problem) Explanation {
	x := Explanation{Service: service, Fields: []ExplainedField{}, Problems: []Explained{}}
	for _, v := range e.values {
		x.Fields = append(x.Fields, ExplainedField{v.Field.Path, json.RawMessage(v.text), v.Source.String()})
	}
	for _, p := range problems {
		x.Problems = append(x.Problems, Explained{p.Source.String(), p.Detail, p.Remedy})
	}
	for _, one := range e.Idle() {
		x.NoEffect = append(x.NoEffect, NoEffect{one.Value.Field.Path, one.Detail, one.Remedy})
	}
	return x
}

// Change is a field whose value differs between two policies. An empty text says nothing.
type Change struct{ Field, From, To, Source string }

// Changes are the fields whose values differ, in the order of [Fields]. Either policy may be nil.
func Changes(from, to *Effective) (all []Change) {
	of := func(e *Effective, f *Field) (text, source string) {
		if e == nil {
			return "", ""
		}
		v := e.values.get(f)
		if v == nil {
			return "", ""
		}
		return v.Show(), v.Source.String()
	}
	for _, f := range policySchema().fields {
		was, said := of(from, f)
		now, source := of(to, f)
		if source == "" {
			source = said
		}
		if was != now {
			all = append(all, Change{f.Path, was, now, source})
		}
	}
	return all
}
