package policy

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Mistake is a rule that a policy breaks, with the remedy.
type Mistake struct {
	Fields []string // the paths of all fields that have a part in it; there is at least one
	Detail string   // what is wrong
	Remedy string   // what to write instead
	// Lacks are the paths of fields that the policy only lacks, and another source may add: a rule of a file
	// alone may be like that.
	Lacks []string
}

// Error is the mistake in one line.
func (m Mistake) Error() string {
	return fmt.Sprintf("%s: %s: %s", strings.Join(m.Fields, ", "), m.Detail, m.Remedy)
}

// weakest is the value that has a part in the mistake and comes from the weakest source, the last named of
// several; nil if there is none.
func (m Mistake) weakest(l Layer) (weakest *Value) {
	for _, path := range m.Fields {
		v := l.get(policySchema().byPath[path])
		if v != nil && (weakest == nil || v.Source.Kind <= weakest.Source.Kind) {
			weakest = v
		}
	}
	return weakest
}

// Validate returns everything in p that Envoy would refuse, or that could not work, all at once.
func (p Policy) Validate() []Mistake {
	c := &checker{policy: p}
	all := reflect.ValueOf(p)
	for _, f := range policySchema().fields {
		if v := f.in(all); !v.IsNil() {
			c.field(f, v)
		}
	}
	return append(c.mistakes, p.contradictions()...)
}

// contradictions are the mistakes of a policy whose fields are right by themselves.
func (p Policy) contradictions() []Mistake {
	c := &checker{policy: p}
	c.protocol()
	c.balance()
	c.outlier()
	c.checks()
	c.tls()
	c.subsets()
	c.failover()
	c.texts()
	return c.mistakes
}

// checker collects the mistakes of a policy.
type checker struct {
	policy   Policy
	mistakes []Mistake
}

// wrong notes a mistake; fields are separated by spaces.
func (c *checker) wrong(fields, detail, remedy string) {
	c.mistakes = append(c.mistakes, Mistake{Fields: strings.Fields(fields), Detail: detail, Remedy: remedy})
}

// lacks notes that something is missing: one of the fields under missing.
func (c *checker) lacks(fields, missing, detail, remedy string) {
	c.wrong(fields, detail, remedy)
	c.mistakes[len(c.mistakes)-1].Lacks = strings.Fields(missing)
}

// field checks the value of one field by itself.
func (c *checker) field(f *Field, v reflect.Value) {
	if err := f.check(v); err != nil {
		detail, remedy, _ := strings.Cut(err.Error(), ": ")
		if remedy == "" {
			remedy = "write one of " + strings.Join(f.Values, ", ")
		}
		c.wrong(f.Path, detail, remedy)
	}
	if s := f.elements(); s != nil {
		for i := range v.Len() {
			for _, inner := range s.fields {
				if one := inner.in(v.Index(i)); !one.IsNil() {
					before := len(c.mistakes)
					c.field(inner, one)
					for n := before; n < len(c.mistakes); n++ {
						c.mistakes[n].Detail = fmt.Sprintf("[%d].%s: %s", i, inner.Path, c.mistakes[n].Detail)
						c.mistakes[n].Fields = []string{f.Path}
					}
				}
			}
		}
	}
}

// is reports whether an optional word is one of these.
func is(word *string, any ...string) bool { return word != nil && slices.Contains(any, *word) }
