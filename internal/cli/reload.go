package cli

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"legate/internal/admin"
	"legate/internal/changes"
	"legate/metrics"
	"legate/translate/policy"
)

// live are the settings that a running Legate can change. All others need a restart.
var live = []string{"include", "exclude", "tag", "mass-critical", "policy-rollout", "log-level"}

// hangup is the cause of a reload that somebody asked for.
const hangup = "SIGHUP"

// reloader applies a changed configuration file, and a changed policy: at once on SIGHUP, else a few
// seconds after a file has changed. What has any mistake in it is not applied at all.
type reloader struct {
	program  *program
	running  *command // its settings are in force
	config   *watched // nil: there is no such file
	policy   *watched
	policies policy.Policies // in force
	hup      <-chan os.Signal
	log      *slog.Logger
	metrics  *metrics.Process
	apply    func(*serveOptions)   // applies the live settings
	adopt    func(policy.Policies) // applies policies
	notify   func(state string)    // to systemd
	ready    func() bool           // whether systemd was told so
	changes  *changes.Record

	mu        sync.Mutex
	rejected  *admin.Trouble // nil: the last file read is in force
	refused   *admin.Trouble // nil: the last policy read is in force
	unapplied *admin.Trouble // nil: no setting waits for a restart
	renamed   *admin.Trouble // nil: no setting has another name than it is given by
}

// troubles returns what is wrong with the configuration now.
func (r *reloader) troubles() []admin.Trouble {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []admin.Trouble
	for _, t := range []*admin.Trouble{r.rejected, r.refused, r.unapplied, r.renamed} {
		if t != nil {
			all = append(all, *t)
		}
	}
	return all
}

// hangups returns a channel of SIGHUPs. Without a configuration file the signal must not end the
// program either: whoever sends it wants a reload.
func hangups() (hup chan os.Signal, stop func()) {
	hup = make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	return hup, func() { signal.Stop(hup) }
}

func (r *reloader) run(ctx context.Context) error {
	var all []*watched
	for _, w := range []*watched{r.config, r.policy} {
		if w != nil {
			all = append(all, w)
		}
	}
	if len(all) == 0 {
		return r.withoutFile(ctx)
	}
	reload := map[*watched]func(cause string){r.config: r.reload, r.policy: r.reloadPolicy}
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.hup:
			for _, w := range all {
				w.take()
				reload[w](hangup)
			}
		case <-poll.C:
			for _, w := range all {
				if w.changed() {
					reload[w]("the file has changed")
				}
			}
		}
	}
}

// withoutFile answers SIGHUP when there is no configuration file.
func (r *reloader) withoutFile(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.hup:
			r.log.Warn("SIGHUP, and there is no configuration file that could be read again: all stays as it was",
				"remedy", "start legate with --config FILE; tokens and certificates are read again by themselves when their files change")
		}
	}
}

// reload reads flags, environment and file again.
func (r *reloader) reload(cause string) {
	if r.ready() {
		r.notify(reloading())
		defer r.notify(ready)
	}
	next, o := r.program.serveCommand()
	for i, s := range next.settings {
		s.given, s.givenAs = r.running.settings[i].given, r.running.settings[i].givenAs
	}
	err := r.program.resolve(next.settings, r.program.commands())
	if err == nil {
		err = o.validate()
	}
	now := time.Now()
	if err != nil {
		said := strings.ReplaceAll(err.Error(), "\n", "; ")
		r.setTrouble(&r.rejected, &admin.Trouble{Kind: "configuration", Since: now,
			Detail: "the changed configuration file is rejected, what was read before holds: " + said,
			Remedy: "correct the file: it is then read again by itself; until then a restart fails"})
		r.count(false, now)
		recordReload(r.changes, "configuration", cause, said)
		r.log.Error("configuration is not reloaded, all stays as it was", "cause", cause,
			"error", said, "remedy", "correct the file; it is then read again")
		return
	}
	changed, unapplied := differing(r.running.settings, next.settings)
	r.setTrouble(&r.rejected, nil)
	r.setTrouble(&r.unapplied, restartTrouble(unapplied, now))
	r.setTrouble(&r.renamed, renamedTrouble(next.settings, now))
	r.count(true, now)
	r.apply(o)
	recordReload(r.changes, "configuration", strings.Join(append([]string{cause}, changed...), ", "), "")
	r.log.Info("configuration is reloaded", "cause", cause, "changed", changed)
	if len(unapplied) > 0 {
		r.log.Warn("changed settings need a restart", "settings", unapplied, "remedy", "restart legate; until then the old values hold")
	}
}

// setTrouble replaces a trouble; nil means there is none any more.
func (r *reloader) setTrouble(place **admin.Trouble, t *admin.Trouble) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*place = t
}

// count counts an attempt to reload, after its trouble is set.
func (r *reloader) count(ok bool, now time.Time) {
	r.mu.Lock()
	all := r.rejected == nil && r.refused == nil
	r.mu.Unlock()
	r.metrics.Reloaded(ok, all, now)
}

// restartTrouble returns the trouble of settings that wait for a restart; nil if there are none.
func restartTrouble(settings []string, since time.Time) *admin.Trouble {
	if len(settings) == 0 {
		return nil
	}
	return &admin.Trouble{Kind: "restart", Since: since,
		Detail: "changed settings wait for a restart: " + strings.Join(settings, ", "),
		Remedy: "restart legate; until then the old values hold"}
}

// differing returns the names of the settings that differ. It adopts the values of live ones. The
// others keep the running value, so they differ until the restart.
func differing(running, next []*setting) (changed, unapplied []string) {
	for i, s := range running {
		switch {
		case slices.Equal(s.chosen, next[i].chosen):
		case slices.Contains(live, s.name):
			s.chosen = next[i].chosen
			changed = append(changed, s.name)
		default:
			unapplied = append(unapplied, s.name)
		}
	}
	return changed, unapplied
}
