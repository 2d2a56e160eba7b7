package cli

import (
	"errors"
	"fmt"
	"strings"
)

// resolve gives every setting the value of its first source that has one: the flag, the
// environment, the configuration file; otherwise it keeps its default. All that is wrong is
// reported at once. An empty environment variable counts as unset, as it does for Consul.
func resolve(settings []*setting, getenv func(string) string, file map[string]entry) error {
	var errs []error
	for _, s := range settings {
		values, from := s.source(getenv, file)
		if len(values) == 0 {
			continue
		}
		s.chosen = values
		if err := s.set(values); err != nil {
			errs = append(errs, s.wrong(values, from, err))
		}
	}
	return errors.Join(errs...)
}

// source returns the values a setting should have and where they were said.
func (s *setting) source(getenv func(string) string, file map[string]entry) (values []string, from string) {
	if len(s.given) > 0 {
		return s.given, "--" + s.name
	}
	if v := strings.TrimRight(getenv(s.env), "\r\n"); s.env != "" && v != "" { // a variable that was made of a file has its last line break
		if s.many {
			return split(v), "$" + s.env
		}
		return []string{v}, "$" + s.env
	}
	if e, ok := file[s.key]; ok && s.key != "" {
		return e.values, e.where + ": " + s.key
	}
	return nil, ""
}

func (s *setting) wrong(values []string, from string, err error) error {
	if s.secret {
		return usageError{fmt.Errorf("%s: %w", from, err)}
	}
	return usageError{fmt.Errorf("%s %q: %w", from, last(values), err)}
}
