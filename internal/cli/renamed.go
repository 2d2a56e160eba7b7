package cli

import (
	stdflag "flag"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"legate/internal/admin"
)

// former is what a setting was called before. The old name works for two more versions, and whoever uses it is told the
// new one.
type former struct {
	name, env, key string // of the flag, the variable and the key in the file; empty: that has not changed
	gone           string // the version in which the old names go, such as v0.4.0
}

// formerFlag is a flag by an old name. Help and completion do not show it.
type formerFlag struct {
	flag
	was former
}

func (f formerFlag) Apply(set *stdflag.FlagSet) error {
	set.Var(formerValue{flagValue(f.flag), f.was}, f.was.name, f.usage)
	return nil
}

func (f formerFlag) String() string  { return "--" + f.was.name }
func (f formerFlag) Names() []string { return []string{f.was.name} }
func (f formerFlag) IsVisible() bool { return false }

// formerValue is flagValue, and remembers by which name the value came.
type formerValue struct {
	flagValue
	was former
}

func (f formerValue) Set(v string) error {
	f.givenAs = append(f.givenAs, f.was)
	return f.flagValue.Set(v)
}

// renames returns what is to be said of old names that were used, as a line each.
func (s *setting) renames(getenv func(string) string, file map[string]entry) (all []string) {
	say := func(place, now, gone string) {
		line := fmt.Sprintf("%s is now called %s, and goes in %s: rename it", place, now, gone)
		if !slices.Contains(all, line) {
			all = append(all, line)
		}
	}
	for _, was := range s.givenAs {
		say("--"+was.name, "--"+s.name, was.gone)
	}
	for _, was := range s.former {
		if was.env == "" || getenv(was.env) == "" {
			continue
		}
		say("$"+was.env, "$"+s.env, was.gone)
		if getenv(s.env) != "" {
			all = append(all, fmt.Sprintf("$%s is ignored, as $%s is set, too: remove it", was.env, s.env))
		}
	}
	if e, ok := file[s.key]; ok && e.was.key != "" {
		say(e.where+": "+e.was.key, s.key, e.was.gone)
	}
	return all
}

// environment is the setting's variable, by its name of today or else by a former one.
func (s *setting) environment(getenv func(string) string) (value, name string) {
	names := []string{s.env}
	for _, was := range s.former {
		names = append(names, was.env)
	}
	for _, name := range names {
		if name == "" {
			continue
		}
		if v := strings.TrimRight(getenv(name), "\r\n"); v != "" { // a variable set from a file ends in a line break
			return v, name
		}
	}
	return "", ""
}

// is reports whether the setting has, or had, that key in the file; was is not empty if it had.
func (s *setting) is(key string) (was former, is bool) {
	if s.key == key {
		return former{}, true
	}
	for _, was := range s.former {
		if was.key == key {
			return was, true
		}
	}
	return former{}, false
}

// renamed are the lines about all old names that are in use.
func renamed(settings []*setting) (all []string) {
	for _, s := range settings {
		all = append(all, s.renamed...)
	}
	return all
}

// warnOfRenamed logs them.
func warnOfRenamed(settings []*setting, log *slog.Logger) {
	for _, line := range renamed(settings) {
		log.Warn("a setting has another name", "setting", line)
	}
}

// renamedTrouble is nil if no old name is in use.
func renamedTrouble(settings []*setting, since time.Time) *admin.Trouble {
	all := renamed(settings)
	if len(all) == 0 {
		return nil
	}
	return &admin.Trouble{Kind: "renamed", Since: since, Detail: "settings have other names: " + strings.Join(all, "; "),
		Remedy: "rename them before the next upgrade but one; \"legate check config\" says whether all are"}
}
