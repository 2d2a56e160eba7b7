package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/anypb"

	"legate/internal/quote"
	"legate/translate"
)

// printResources writes the resources in the form of Envoy's own configuration.
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
			text, err := indented(content)
			if err != nil {
				return fmt.Errorf("encode %q: %w", r.Name.Name, err)
			}
			fmt.Fprintf(w, "%s%s", separator, quote.JSON(text))
			separator = ",\n"
			continue
		}
		text, err := yamlOf(content)
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

// yamlOf turns JSON into YAML. Characters that could control a terminal are written as escapes,
// which are possible in double-quoted strings only. YAML has those, too.
func yamlOf(content []byte) ([]byte, error) {
	var value any
	if err := yaml.Unmarshal(content, &value); err != nil { // JSON is a subset of YAML
		return nil, err
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	encoder.CompactSeqIndent()
	if err := errors.Join(encoder.Encode(value), encoder.Close()); err != nil {
		return nil, err
	}
	text := out.Bytes()
	for line := range bytes.Lines(text) {
		if bytes.ContainsFunc(bytes.TrimSuffix(line, []byte("\n")), func(r rune) bool { return !unicode.IsPrint(r) }) {
			text, err := indented(content)
			return append(quote.YAML(text), '\n'), err
		}
	}
	return text, nil
}

// indented returns JSON with one value a line. The spacing of protojson itself differs between
// builds on purpose.
func indented(content []byte) ([]byte, error) {
	var pretty bytes.Buffer
	err := json.Indent(&pretty, content, "", "  ")
	return pretty.Bytes(), err
}

// printProblems writes what is left out, one problem a line, each with its remedy.
func printProblems(w io.Writer, problems []translate.Problem) {
	for _, p := range problems {
		where := quote.Name(p.Service)
		if p.Instance != "" {
			where += ", instance " + quote.Name(p.Instance)
		}
		what := "left out"
		if p.Reason == translate.BadPolicy {
			what = "served without a part of its policy"
		}
		fmt.Fprintf(w, "%s: %s: %s (%s): %s\n", what, where, quote.Text(p.Detail, quote.TextBytes), p.Reason, p.Remedy)
	}
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
