package translate

import "legate/translate/policy"

// Audit is what of the operator's policy has a say for no service that is served.
func (r Resources) Audit() []policy.Warning {
	if r.inputs.policies == nil {
		return nil
	}
	audit := r.inputs.policies.Audit()
	read := reader{inputs: r.inputs}
	for c := range r.cells.all() {
		if !c.served() {
			continue
		}
		s, _ := read.begin(c.unit, nil).service(c.unit.service)
		audit.Service(s, c.unit.port, r.rules.said(c.unit, &read).Effective)
	}
	return audit.Warnings()
}
