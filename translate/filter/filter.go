// Package filter evaluates expressions of Consul's filter language over instances, with the names that Consul has in
// answers of health/service: Service.Meta.version == v2 and "canary" in Service.Tags.
// https://developer.hashicorp.com/consul/api-docs/features/filtering
//
// It is the only package that knows hashicorp/go-bexpr, of the version that Consul 1.22 is built with: later ones mean
// something else by some expressions. A test compares it with a real Consul. An expression that Consul would refuse,
// or that asks for something that Legate does not know of an instance, is an error, and never silently true or
// false.
package filter

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/go-bexpr"

	"legate/discovery/catalog"
)

// Filter is an expression that was read. It can be used by several goroutines.
type Filter struct {
	evaluator *bexpr.Evaluator
	places    bool // it may ask in which datacenter an instance is
}

// New reads an expression. That can take milliseconds, so the Filter is to be kept.
func New(expression string) (*Filter, error) {
	if n := nested(expression); n > maxNested {
		return nil, fmt.Errorf("%d parentheses within each other, and the most is %d: write it with fewer", n, maxNested)
	}
	e, err := bexpr.CreateEvaluatorForType(expression, nil, checkServiceNode{})
	switch {
	case err == nil:
		return &Filter{e, strings.Contains(expression, "Datacenter")}, nil
	case strings.HasPrefix(err.Error(), "Selector "):
		return nil, fmt.Errorf("%w: %s", err, known)
	}
	return nil, fmt.Errorf("%w: write an expression such as %s", err, `Service.Meta.version == "v2"`)
}

// Matches reports whether the expression holds for an instance of a service that it applies to.
func (f *Filter) Matches(s catalog.ServiceKey, i *catalog.Instance) bool {
	is, err := f.evaluator.Evaluate(checkServiceNodeOf(s, i))
	return err == nil && is // an expression that was read for the type has no error
}

// errPlace is why an expression does not apply to services of peers.
var errPlace = errors.New("Node.Datacenter of an instance of a peer is that of the peer, which Legate does not know: tell instances of peers by their meta or tags")

// AppliesTo returns why the expression cannot be evaluated for instances of a service; nil: it can.
func (f *Filter) AppliesTo(s catalog.ServiceKey) error {
	if s.Peer != "" && f.places {
		return errPlace
	}
	return nil
}

// maxNested bounds how many parentheses are open at once: each further one makes reading take four times as long, for
// Consul, too. Five take tens of milliseconds.
const maxNested = 5

// nested is how deep parentheses are nested. Those in quotes count, too.
func nested(expression string) (most int) {
	open := 0
	for n := range len(expression) {
		switch expression[n] {
		case '(':
			open++
			most = max(most, open)
		case ')':
			open--
		}
	}
	return most
}
