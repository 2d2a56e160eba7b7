package policy

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"legate/internal/suggest"
)

// parse makes a value of the field from how it is written; lists are separated by commas. It checks words
// and bounds. Fields that hold structs cannot be written in one line.
func (f *Field) parse(text string) (reflect.Value, error) {
	v, err := f.read(text)
	if err != nil {
		return reflect.Value{}, err
	}
	return v, f.check(v)
}

func (f *Field) read(text string) (reflect.Value, error) {
	switch f.typ {
	case reflect.TypeFor[*string]():
		return reflect.ValueOf(&text), nil
	case reflect.TypeFor[*bool]():
		if text != "true" && text != "false" {
			return reflect.Value{}, fmt.Errorf("%s is neither true nor false", quote(text))
		}
		is := text == "true"
		return reflect.ValueOf(&is), nil
	case reflect.TypeFor[*uint32]():
		n, err := strconv.ParseUint(text, 10, 32)
		short := uint32(n)
		return pointer(&short, err, text, "a whole number from 0")
	case reflect.TypeFor[*uint64]():
		n, err := strconv.ParseUint(text, 10, 64)
		return pointer(&n, err, text, "a whole number from 0")
	case reflect.TypeFor[*float64]():
		n, err := strconv.ParseFloat(text, 64)
		return pointer(&n, err, text, "a number")
	case reflect.TypeFor[*Duration]():
		return parsed(parseDuration(text))
	case reflect.TypeFor[*Percent]():
		return parsed(parsePercent(text))
	case reflect.TypeFor[*Size]():
		return parsed(parseSize(text))
	case reflect.TypeFor[[]string]():
		return reflect.ValueOf(split(text)), nil
	case reflect.TypeFor[Sites]():
		return reflect.ValueOf(Sites(split(text))), nil
	default:
		return reflect.Value{}, fmt.Errorf("a plain value: want %s", f.Kind)
	}
}

// split is the list that is written with commas.
func split(text string) []string {
	list := []string{}
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

func parsed[T any](v T, err error) (reflect.Value, error) { return reflect.ValueOf(&v), err }

func pointer[T any](v *T, err error, text, want string) (reflect.Value, error) {
	if err != nil {
		return reflect.Value{}, fmt.Errorf("%s is not %s", quote(text), want)
	}
	return reflect.ValueOf(v), nil
}

// check says what is wrong with a value by itself: a word that the field does not take, or a number that
// is out of bounds.
func (f *Field) check(v reflect.Value) error {
	if len(f.Values) > 0 {
		if word := v.Elem().String(); !slices.Contains(f.Values, word) {
			return fmt.Errorf("%s is none of %s%s", quote(word), strings.Join(f.Values, ", "), suggest.DidYouMean(word, f.Values))
		}
	}
	if f.Low == "" {
		return nil
	}
	low, _ := f.read(f.Low)
	high, _ := f.read(f.High)
	if n := number(v); n >= number(low) && n <= number(high) { // never so for a NaN
		return nil
	}
	return fmt.Errorf("%s is out of bounds: want %s to %s", strings.Trim(textOf(v), `"`), f.Low, f.High)
}

// number is a value that has bounds, as a number: their greatest, 2^32, is exact.
func number(v reflect.Value) float64 {
	switch v = v.Elem(); {
	case v.CanInt():
		return float64(v.Int())
	case v.CanUint():
		return float64(v.Uint())
	default:
		return v.Float()
	}
}
