package filter

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// writer writes random expressions. Some make no sense, and Consul refuses them.
type writer struct{ *rand.Rand }

func (w writer) one(of ...string) string { return of[w.IntN(len(of))] }

func (w writer) expression(depth int) string {
	switch w.IntN(depth + 1) {
	case 0:
		return w.match()
	case 1:
		return w.one("not", "not ", "not  not") + " " + w.expression(depth-1)
	case 2:
		return w.one("(", "( ") + w.expression(depth-1) + w.one(")", "\t)")
	default:
		return w.expression(depth-1) + w.one(" and ", " or ", " and\n", "  or ") + w.expression(depth-2)
	}
}

func (w writer) match() string {
	switch w.IntN(12) {
	case 0: // anything with anything
		return w.selector() + w.operator() + w.value()
	case 1:
		return w.value() + w.one(" in ", " not in ") + w.selector()
	case 2:
		return w.selector() + w.one(" is empty", " is not empty", " is  empty", " is")
	case 3:
		return w.one("v1", "canary", `"v1"`, "`a b`", `""`, `"x\ty"`, "1.5") + w.one(" in ", " not in ") + "Service.Tags"
	case 4:
		return w.one("Service.Tags", "Checks", "Service.Meta", "Node.Meta") + w.one(" is empty", " is not empty")
	case 5:
		return "Service.Port" + w.one(" == ", " != ") + w.one("80", "8080", "0x50", "-1", "080", "80.5", "eighty")
	case 6:
		return w.one("Checks.Status", "Checks.CheckID", "Checks.ServiceID", "Checks.ServiceName", "Checks.Node") + w.textOperator() +
			w.one("passing", "critical", "warning", `""`, "n1", "web", `"web-1"`, "alive", `"^a"`, "c0")
	case 7:
		return w.one("Service.Meta", "Node.Meta") + w.one(" contains ", " not contains ") + w.one("version", "rack", "x", `"a.b"`)
	default:
		return w.one("Service.Meta.version", `Service.Meta["version"]`, "Service.Meta[ `x-y` ]", "Node.Meta.rack", "Service.Meta.path", "Service.ID", "Service.Address", "Node.Node", "Node.Address", "Service.Service", "Node.Datacenter", "Service.Kind", "Service.SocketPath", "Service.PeerName") +
			w.textOperator() + w.value()
	}
}

func (w writer) selector() string {
	parts := []string{w.one("Service", "Node", "Checks", "service", "Other", "Service", "S1_x")}
	for range w.IntN(4) {
		parts = append(parts, w.one("Meta", "Tags", "ID", "Port", "Weights", "Passing", "version", "Status", "Node", "rack", "a1_"))
	}
	s := strings.Join(parts, w.one(".", ".", ".", ". "))
	return s + w.one("", "", "", `["version"]`, "[x]", `[""]`, `["a`, ".0")
}

func (w writer) operator() string {
	return w.one(" == ", "==", " ==", "!=", " != ", " contains ", " not contains ", " matches ", " not matches ", " in ", "contains ", " = ", " not == ")
}

func (w writer) textOperator() string {
	return w.one(" == ", "==", " != ", " contains ", " not contains ", " matches ", " not matches ", " is ")
}

func (w writer) value() string {
	return w.one("v1", "v2", `"v1"`, "`v2`", `""`, "``", "v", "a.b", `a["b"]`, "1", "-1", "1.5", "1.", "01", "7", `"/v1"`, `"a\"b"`, `"\u0076"`, `"\d"`, `"v[12]"`, `"("`, "`^v\\d$`", "true",
		`"10.0.0.1"`, "10.0.0.1", `"ü"`, "ü", "x-y", `"x-y`, "n1", "web", "_x", "not", "in", "empty")
}

// meta is that of an instance or a node.
func (w writer) meta() map[string]string {
	m := map[string]string{}
	for range w.IntN(4) {
		m[w.one("version", "rack", "x-y", "path", "x")] = w.one("v1", "v2", "", "7", "/v1", "a.b", "v", "ü", "1.5")
	}
	return m
}

func (w writer) tags() (tags []string) {
	for range w.IntN(3) {
		tags = append(tags, w.one("v1", "canary", "a b", "", "x\ty", "1.5"))
	}
	return tags
}

// anything is a text of what expressions are made of, in any order.
func (w writer) anything() string {
	var s strings.Builder
	for range 1 + w.IntN(9) {
		s.WriteString(w.one("(", ")", " ", " ", " ", "not", "and", "or", "is", "empty", "in", "contains", "matches", "==", "!=", "Service.ID", "Service.Tags", "x", `"y"`, "`z`", "5", "-", ".", "[", "]", `"`, "`"))
	}
	return s.String()
}

func named(n int) string { return "web-" + strconv.Itoa(n) }

func addressed(n int) string { return fmt.Sprintf("10.0.0.%d", n) }
