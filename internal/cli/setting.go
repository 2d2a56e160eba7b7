package cli

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"legate/internal/suggest"
)

// A setting is one value that a user can choose: by flag, by environment variable, or by a key of
// the configuration file. It knows where its value goes; resolve decides which source wins.
type setting struct {
	name     string // of the flag, without dashes; empty: a key in the file only
	env      string // environment variable; empty without a flag
	key      string // block.key in the configuration file; empty: not in the file
	category string // heading in --help
	hint     string // placeholder of the value in --help: ADDR, FILE
	usage    string // one sentence
	fallback string // the default, as --help shows it; never a secret

	options []string // the values that there are, if they are few
	many    bool     // may be given more than once
	isFlag  bool     // needs no value: --name means --name=true
	secret  bool     // the value is never printed, not even in an error
	opens   bool     // the value is a token or a password
	private bool     // the value names a file that only Legate's user should be able to read

	former []former // what it was called before, and may be called for some time

	set     func(values []string) error // writes the value; called at most once
	given   []string                    // values from the command line
	givenAs []former                    // old names of the flag that were used for these
	renamed []string                    // what is to be said of old names in use
	chosen  []string                    // the values in use; nil: the default
	inFile  bool                        // the configuration file has a value, be it in use or not
}

// text is a setting of any text.
func text(to *string, s setting) *setting {
	s.fallback = *to
	s.set = func(v []string) error { *to = last(v); return nil }
	return &s
}

// list is a setting of several values, separated by commas in the environment.
func list(to *[]string, s setting) *setting {
	s.many = true
	s.set = func(v []string) error { *to = v; return nil }
	return &s
}

// boolean is a setting that is on or off.
func boolean(to *bool, s setting) *setting {
	s.isFlag = true
	if *to {
		s.fallback = "true"
	}
	s.set = func(v []string) error {
		b, err := strconv.ParseBool(last(v))
		if err != nil {
			return fmt.Errorf("want true or false")
		}
		*to = b
		return nil
	}
	return &s
}

// number is a setting of an integer within bounds.
func number(to *int, low, high int, s setting) *setting {
	s.fallback = strconv.Itoa(*to)
	s.set = func(v []string) error {
		n, err := strconv.Atoi(last(v))
		if err != nil || n < low || n > high {
			return fmt.Errorf("want a whole number from %d to %d", low, high)
		}
		*to = n
		return nil
	}
	return &s
}

// duration is a setting of a duration within bounds, such as 30s or 1m30s.
func duration(to *time.Duration, low, high time.Duration, s setting) *setting {
	s.fallback = to.String()
	s.set = func(v []string) error {
		d, err := time.ParseDuration(last(v))
		if err != nil || d < low || d > high {
			return fmt.Errorf("want a time span from %v to %v, such as 30s", low, high)
		}
		*to = d
		return nil
	}
	return &s
}

// choice is a setting with a few possible values.
func choice(to *string, of []string, s setting) *setting {
	s.fallback, s.options = *to, of
	s.hint = strings.Join(of, "|")
	s.set = func(v []string) error {
		for _, o := range of {
			if o == last(v) {
				*to = o
				return nil
			}
		}
		return fmt.Errorf("want one of %s%s", strings.Join(of, ", "), suggest.DidYouMean(last(v), of))
	}
	return &s
}

// choices is a setting of several values out of a few.
func choices(to *[]string, of []string, s setting) *setting {
	s.many, s.options = true, of
	s.set = func(v []string) error {
		for _, one := range v {
			if !slices.Contains(of, one) {
				return fmt.Errorf("want some of %s%s", strings.Join(of, ", "), suggest.DidYouMean(one, of))
			}
		}
		*to = v
		return nil
	}
	return &s
}

// mode is a setting of the mode of a file, in octal.
func mode(to *os.FileMode, s setting) *setting {
	s.fallback = fmt.Sprintf("%04o", *to)
	s.set = func(v []string) error {
		n, err := strconv.ParseUint(last(v), 8, 32)
		if err != nil || n == 0 || n > 0o777 {
			return fmt.Errorf("want a mode in octal, such as 0660")
		}
		*to = os.FileMode(n)
		return nil
	}
	return &s
}

func last(v []string) string { return v[len(v)-1] }

// split splits a list in an environment variable.
func split(s string) []string {
	var out []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
