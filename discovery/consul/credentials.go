package consul

import (
	"fmt"
	"log/slog"
	"time"

	"legate/discovery/catalog"
	"legate/internal/files"
)

// credentials are the files that go with each request or connection: a token, certificates, authorities.
// They are looked at again each time. Files that cannot be used, or not be read in time, leave what
// was read last: that is logged once, and stays among the problems for as long as it lasts.
type credentials struct {
	log *slog.Logger
	all []credential
}

// credential is one of them.
type credential struct {
	what    string // for people: consul token file "/etc/legate/token"
	trouble func() (since time.Time, err error)
}

// keep reads files for the first time, and makes a value of them that follows them.
func keep[T any](s *credentials, what string, paths func() []string, read func() (T, error)) (*files.Value[T], error) {
	v, err := files.New(files.Source[T]{
		Files: paths, Read: read,
		Changed: func(T) { s.log.Info("a file for consul was read again", "what", what) },
		Unusable: func(err error) {
			s.log.Warn("a file for consul is unusable, keeping what was read last", "what", what, "error", err, "remedy", credentialRemedy)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	s.all = append(s.all, credential{what, v.Trouble})
	return v, nil
}

const credentialRemedy = "put a good file in its place: it is read again by itself; until then a restart fails"

// problems are the files that cannot be used.
func (s *credentials) problems() (all []catalog.Problem) {
	for _, one := range s.all {
		since, err := one.trouble()
		if err == nil {
			continue
		}
		all = append(all, catalog.Problem{
			Kind: "unusable_file", Since: since, Remedy: credentialRemedy,
			Detail: fmt.Sprintf("the %s cannot be used, what was read before is kept: %v", one.what, err),
		})
	}
	return all
}
