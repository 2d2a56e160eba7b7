package translate

import (
	"errors"
	"fmt"

	"legate/translate/policy"
)

// CheckPolicies says which of the policies would make clusters that Envoy refuses, by themselves: raw fields
// can do that. The error has all of them.
func CheckPolicies(p policy.Policies) error {
	var errs []error
	for where, said := range p.Raw() {
		if _, err := encodeUnit("service", said, nil, nil); err != nil {
			errs = append(errs, fmt.Errorf("%s: envoy would refuse this: %w: correct the fields under envoy", where, err))
		}
	}
	return errors.Join(errs...)
}
