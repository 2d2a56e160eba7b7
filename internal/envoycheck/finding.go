package envoycheck

// Severity says how bad a finding is.
type Severity string

// The severities.
const (
	Error   Severity = "error"   // it does not work
	Warning Severity = "warning" // it works, and will surprise somebody
	Info    Severity = "info"    // it is as it should be
)

// Finding is one thing that is wrong.
type Finding struct {
	Severity Severity `json:"severity"`
	// Where is the place in the bootstrap, or the endpoint that requests go to.
	Where  string `json:"where"`
	Detail string `json:"detail"`
	Remedy string `json:"remedy,omitempty"`
}

// findings are those of one check.
type findings []Finding

func (f *findings) add(s Severity, where, detail, remedy string) {
	*f = append(*f, Finding{s, where, detail, remedy})
}
