package cli

import (
	"errors"
	"fmt"
)

// resolve sets every setting from the first of its sources that has a value: the flag, the
// environment, the configuration file. Without any it keeps its default. All mistakes are reported
// at once. An empty environment variable counts as unset, as it does for Consul.
func resolve(settings []*setting, getenv func(string) string, file map[string]entry) error {
	var errs []error
	for _, s := range settings {
		_, s.inFile = file[s.key]
		s.renamed = s.renames(getenv, file)
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

// source returns the values of a setting and where they were found.
func (s *setting) source(getenv func(string) string, file map[string]entry) (values []string, from string) {
	if len(s.given) > 0 {
		return s.given, "--" + s.name
	}
	if v, name := s.environment(getenv); v != "" {
		if s.many {
			return split(v), "$" + name
		}
		return []string{v}, "$" + name
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
