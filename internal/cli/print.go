package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/anypb"
	"sigs.k8s.io/yaml"

	"legate/translate"
)

// printResources writes the resources in the form in which Envoy's own configuration has them.
func printResources(w io.Writer, format string, resources translate.Resources) error {
	separator, end := "[\n", "\n]\n"
	for r := range resources.All() {
		message, err := translate.Decode(r)
		if err != nil {
			return err
		}
		typed, err := anypb.New(message)
		if err != nil {
			return fmt.Errorf("encode %q: %w", r.Name.Name, err)
		}
		content, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(typed)
		if err != nil {
			return fmt.Errorf("encode %q: %w", r.Name.Name, err)
		}
		if format == "json" {
			var pretty bytes.Buffer // protojson's own spacing changes from build to build
			if err := json.Indent(&pretty, content, "", "  "); err != nil {
				return fmt.Errorf("encode %q: %w", r.Name.Name, err)
			}
			fmt.Fprintf(w, "%s%s", separator, pretty.Bytes())
			separator = ",\n"
			continue
		}
		text, err := yaml.JSONToYAML(content)
		if err != nil {
			return fmt.Errorf("encode %q: %w", r.Name.Name, err)
		}
		fmt.Fprintf(w, "---\n# version %s\n%s", r.Version, text)
	}
	if format == "json" {
		if separator == "[\n" {
			end = "[]\n"
		}
		fmt.Fprint(w, end)
	}
	return nil
}

// printProblems says what is left out, one problem a line, and what to do about it.
func printProblems(w io.Writer, problems []translate.Problem) {
	for _, p := range problems {
		where := shownName(p.Service)
		if p.Instance != "" {
			where += ", instance " + shownName(p.Instance)
		}
		fmt.Fprintf(w, "left out: %s: %s (%s): %s\n", where, p.Detail, p.Reason, p.Remedy)
	}
}

// shownName is a name that somebody registered, as it can be shown on a terminal: in quotes if it
// could do something there.
func shownName(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(name)
	}
	return name
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
