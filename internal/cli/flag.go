package cli

import (
	stdflag "flag"

	urfave "github.com/urfave/cli/v2"
)

// flag is a setting as urfave/cli sees it: it only collects the values from the command line. It
// does not read the environment. resolve does, so that precedence is decided in one place.
type flag struct{ *setting }

var (
	_ urfave.DocGenerationFlag       = flag{}
	_ urfave.CategorizableFlag       = flag{}
	_ urfave.VisibleFlag             = flag{}
	_ stdflag.Value                  = flagValue{}
	_ interface{ IsBoolFlag() bool } = flagValue{}
)

func flags(settings []*setting) []urfave.Flag {
	var out []urfave.Flag
	for _, s := range settings {
		if s.name != "" {
			out = append(out, flag{s})
		}
		for _, was := range s.former {
			if was.name != "" {
				out = append(out, formerFlag{flag{s}, was})
			}
		}
	}
	return out
}

func (f flag) Apply(set *stdflag.FlagSet) error {
	set.Var(flagValue(f), f.name, f.usage)
	return nil
}

func (f flag) String() string         { return "--" + f.name }
func (f flag) Names() []string        { return []string{f.name} }
func (f flag) IsSet() bool            { return len(f.given) > 0 }
func (f flag) IsVisible() bool        { return true }
func (f flag) GetCategory() string    { return f.category }
func (f flag) TakesValue() bool       { return !f.isFlag }
func (f flag) GetUsage() string       { return f.usage }
func (f flag) GetValue() string       { return "" }
func (f flag) GetDefaultText() string { return f.fallback }
func (f flag) GetEnvVars() []string   { return []string{f.env} }

// flagValue collects the values of a flag in order.
type flagValue struct{ *setting }

func (f flagValue) Set(v string) error { f.given = append(f.given, v); return nil }
func (f flagValue) String() string     { return "" }
func (f flagValue) IsBoolFlag() bool   { return f.setting != nil && f.isFlag }
