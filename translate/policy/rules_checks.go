package policy

import (
	"fmt"
	"strconv"
	"strings"
)

func (c *checker) checks() {
	p := c.policy
	if len(p.HealthChecks) > 8 {
		c.wrong("health_checks", fmt.Sprintf("%d checks", len(p.HealthChecks)), "leave 8 at most")
	}
	for i, h := range p.HealthChecks {
		wrong := func(detail, remedy string) { c.wrong("health_checks", fmt.Sprintf("[%d]: %s", i, detail), remedy) }
		kind := orElse(h.Type, "")
		switch {
		case kind == "":
			wrong("it has no type", "set type to http, grpc or tcp")
		case kind == "http" && h.Path == nil:
			wrong("an http check needs a path", "set path, such as /healthz")
		case kind == "http" && !strings.HasPrefix(*h.Path, "/"):
			wrong("path "+quote(*h.Path)+" does not begin with /", "write a path such as /healthz")
		case kind == "grpc" && !is(p.Protocol, "http2", "grpc", "auto", "downstream"):
			c.lacks("health_checks protocol", "protocol", fmt.Sprintf("[%d]: a grpc check needs HTTP/2", i), "set protocol to grpc")
		}
		if kind != "" && h.foreign(kind) {
			wrong("it has fields of another type", "leave those of type "+kind)
		}
		for _, s := range h.ExpectedStatuses {
			if _, _, ok := Statuses(s); !ok {
				wrong("expected_statuses "+quote(s)+" is no status", "write statuses from 100 to 599, such as 200 or 200-299")
			}
		}
	}
}

// foreign reports whether a check has fields of another type than its own.
func (h HealthCheck) foreign(kind string) bool {
	http := h.Path != nil || h.Method != nil || h.ExpectedStatuses != nil
	grpc, tcp := h.ServiceName != nil, h.Send != nil || h.Receive != nil
	return http && kind != "http" || grpc && kind != "grpc" || tcp && kind != "tcp" || h.Host != nil && kind == "tcp"
}

// Statuses are the first and the last of a range of HTTP statuses, such as 200 or 200-299.
func Statuses(text string) (first, last int64, ok bool) {
	from, to, both := strings.Cut(text, "-")
	if !both {
		to = from
	}
	first, err := strconv.ParseInt(strings.TrimSpace(from), 10, 64)
	last, other := strconv.ParseInt(strings.TrimSpace(to), 10, 64)
	return first, last, err == nil && other == nil && first >= 100 && first <= last && last < 600
}
