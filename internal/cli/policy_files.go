package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"legate/internal/admin"
	"legate/internal/files"
	"legate/translate"
	"legate/translate/policy"
)

// maxPolicy is the size limit of a file of policies in bytes: a thousand rules of a few fields have 200 KiB.
const maxPolicy = 4 << 20

// policySetting is the file, or the folder of files, with the operator's policy.
func policySetting(to *string) *setting {
	return private(text(to, setting{
		name: "policy", env: "LEGATE_POLICY", key: "services.policy", category: "Policy", hint: "FILE|FOLDER",
		usage: "How services are reached: protocol, TLS, circuit breakers, subsets, ... A YAML file, or a folder of them (*.yaml, *.yml, *.json), which count in the order of their names. See docs/policy.md. Changes are applied a few seconds later.",
	}))
}

// rolloutSetting is over how long a changed policy goes out.
func rolloutSetting(to *time.Duration) *setting {
	return duration(to, 0, 24*time.Hour, setting{
		name: "policy-rollout", env: "LEGATE_POLICY_ROLLOUT", key: "services.rollout", category: "Policy", hint: "SPAN",
		usage: "Over how long a change of policy goes out that touches more than ten clusters, those of the smallest services first: Envoy rebuilds each of them. If clients reject one, the rest waits. 0: at once.",
	})
}

// policyPaths are the file, or those of a folder in the order of their names. Without a path there are none.
func policyPaths(path string) ([]string, error) {
	if path == "" {
		return nil, nil
	}
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, usageError{fmt.Errorf("--policy %q: %w: give the path of a readable folder", path, reason(err))}
	}
	var paths []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") || !slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(e.Name())) {
			continue
		}
		paths = append(paths, filepath.Join(path, e.Name()))
	}
	return paths, nil
}

// policyFiles reads the file, or those of a folder.
func policyFiles(path string) ([]policy.File, error) {
	paths, err := policyPaths(path)
	if err != nil {
		return nil, err
	}
	var all []policy.File
	for _, one := range paths {
		content, err := files.Read(one, maxPolicy)
		if err != nil {
			return nil, usageError{fmt.Errorf("--policy %q: %w: give the path of a readable YAML file, or of a folder of them", one, reason(err))}
		}
		all = append(all, policy.File{Name: one, Content: content})
	}
	return all, nil
}

// policyBytes are the files as one text, to see whether they change. Names count, too.
func policyBytes(path string) ([]byte, error) {
	all, err := policyFiles(path)
	var text []byte
	for _, f := range all {
		text = append(append(append(text, f.Name...), 0), f.Content...)
	}
	if err == nil && text == nil {
		text = []byte{0} // an empty folder is a policy, too
	}
	return text, err
}

// loadPolicy reads the policies that --policy names. The error has all mistakes.
func loadPolicy(path string) (policy.Policies, error) {
	all, err := policyFiles(path)
	if err != nil {
		return policy.Policies{}, err
	}
	p, err := policy.Parse(all)
	if err == nil {
		err = translate.CheckPolicies(p)
	}
	if err != nil {
		return policy.Policies{}, usageError{err}
	}
	return p, nil
}

// reloadPolicy reads the policies again. With any mistake in them nothing changes. Nor does it if they say
// nothing any more, unless somebody asks for it by a signal: a full disk leaves such a file, a folder that is
// not mounted is empty, and every service would be reached in another way at once.
func (r *reloader) reloadPolicy(cause string) {
	p, err := loadPolicy(r.policy.path)
	if err == nil && cause != hangup && p.Silent() && !r.policies.Silent() {
		err = fmt.Errorf("%s says nothing any more: if that is meant, send SIGHUP", r.policy.path)
	}
	now := time.Now()
	if err != nil {
		said := strings.ReplaceAll(err.Error(), "\n", "; ")
		r.setTrouble(&r.refused, &admin.Trouble{Kind: "policy", Since: now,
			Detail: "the changed policy is rejected, what was read before holds: " + said,
			Remedy: "correct the file: it is then read again by itself; until then a restart fails; legate policy check FILE finds mistakes beforehand"})
		r.count(false, now)
		recordReload(r.changes, "policy", cause, said)
		r.log.Error("policy is not reloaded, all stays as it was", "cause", cause, "error", said, "remedy", "correct the file; it is then read again")
		return
	}
	r.setTrouble(&r.refused, nil)
	r.count(true, now)
	r.policies = p
	recordReload(r.changes, "policy", cause, "")
	r.adopt(p)
	r.log.Info("policy is reloaded", "cause", cause)
}
