package watch

import (
	"strings"
	"testing"
	"time"
)

func TestWhichConfigsAreValid(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Config)
		wrong  []string // in the error
	}{
		{"as it is", func(*Config) {}, nil},
		{"the least of each", func(c *Config) {
			*c = Config{FirstReads: 1, BackoffMin: 1, BackoffMax: 1, SweepPeriod: 1, SweepRate: 1}
		}, nil},
		{"no first reads", func(c *Config) { c.FirstReads = 0 }, []string{"first reads 0"}},
		{"a canary from before", func(c *Config) { c.Canary = -1 }, []string{"canary -1ns"}},
		{"no pause", func(c *Config) { c.BackoffMin = 0 }, []string{"back-off 0s"}},
		{"pauses that shrink", func(c *Config) { c.BackoffMin, c.BackoffMax = time.Minute, time.Minute-1 }, []string{"back-off 1m0s to 59"}},
		{"a sweep that is no time", func(c *Config) { c.SweepPeriod = 0 }, []string{"sweep"}},
		{"a sweep that reads nothing", func(c *Config) { c.SweepRate = 0 }, []string{"sweep of 0"}},
		{"all at once", func(c *Config) { *c = Config{Canary: -1} }, []string{"first reads", "back-off", "sweep", "canary"}},
	} {
		cfg := DefaultConfig()
		c.change(&cfg)
		err := cfg.Validate()
		if (err != nil) != (len(c.wrong) > 0) {
			t.Errorf("%s: %v", c.name, err)
		}
		for _, text := range c.wrong {
			if err != nil && !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %v, want %q named", c.name, err, text)
			}
		}
	}
}
