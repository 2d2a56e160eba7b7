package logs

import (
	"encoding"
	"fmt"
	"log/slog"
	"reflect"

	"legate/internal/quote"
)

// fit bounds and escapes the texts of a record.
func (c Config) fit(r slog.Record) slog.Record {
	out := slog.NewRecord(r.Time, r.Level, c.text(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(c.attr(a))
		return true
	})
	return out
}

func (c Config) fitAll(attrs []slog.Attr) []slog.Attr {
	out := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		out[i] = c.attr(a)
	}
	return out
}

func (c Config) attr(a slog.Attr) slog.Attr {
	a.Value = a.Value.Resolve()
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(c.text(a.Value.String()))
	case slog.KindGroup:
		a.Value = slog.GroupValue(c.fitAll(a.Value.Group())...)
	case slog.KindAny:
		a.Value = slog.AnyValue(c.any(a.Value.Any()))
	}
	return a
}

// any makes a value of any type fit. A short value that is neither text nor a list of texts keeps
// its type, for JSON output; a long one becomes text.
func (c Config) any(v any) any {
	switch v := v.(type) {
	case nil:
		return nil
	case error:
		return c.text(v.Error())
	case []string:
		return c.list(v)
	case fmt.Stringer, encoding.TextMarshaler:
		return c.text(fmt.Sprint(v))
	}
	if list := reflect.ValueOf(v); list.Kind() == reflect.Slice && list.Len() > c.List {
		v = list.Slice(0, c.List).Interface()
		return c.text(fmt.Sprint(v)) + fmt.Sprintf(" and %d more", list.Len()-c.List)
	}
	text := fmt.Sprint(v)
	if fits := c.text(text); fits != text {
		return fits
	}
	return v
}

func (c Config) list(all []string) []string {
	out := make([]string, 0, min(len(all), c.List+1))
	for i, text := range all {
		if i == c.List {
			return append(out, fmt.Sprintf("and %d more", len(all)-i))
		}
		out = append(out, c.text(text))
	}
	return out
}

// text cuts a text to its limit and escapes what is not printable.
func (c Config) text(s string) string { return quote.Text(s, c.Text) }
