package deploy

import (
	"path"
	"path/filepath"
	"strings"
	"testing"
)

func TestNomadsJobsHaveOnlyWhatNomadKnows(t *testing.T) {
	for _, name := range jobs(t) {
		f := job(t, name)
		for _, mistake := range f.said {
			t.Error(mistake)
		}
		for _, needed := range []string{"update", "service", "check", "template", "resources", "restart"} {
			if len(find(f.job.Body, needed)) == 0 {
				t.Errorf("%s has no block %s", name, needed)
			}
		}
	}
}

// The test of the jobs depends on this.
func TestAJobWithAMistakeIsNotRead(t *testing.T) {
	text := source(t, "examples/nomad/legate-system.nomad.hcl")
	for _, c := range []struct{ old, new string }{
		{`max_parallel = 2`, `max_parallell = 2`},
		{`stagger      = "30s"`, `stagger = "half a minute"`},
		{`sticky = true`, `sticky = "yes"`},
		{`restart {`, `restarts {`},
		{`group "legate" {`, `group {`},
		{`image           = var.image`, `image = var.images`},
	} {
		if !strings.Contains(text, c.old) {
			t.Fatalf("the job has no %q", c.old)
		}
		f, err := readJob("job.hcl", strings.Replace(text, c.old, c.new, 1), map[string]string{"image": "legate:1"})
		if err == nil && len(f.said) == 0 {
			t.Errorf("%q is read", c.new)
		}
	}
}

// Legate would start with the environment of each job, and with the files that its templates write.
func TestLegateAcceptsTheSettingsOfNomadsJobs(t *testing.T) {
	for _, name := range jobs(t) {
		f := job(t, name)
		var certs, keys, texts []string
		for _, b := range find(f.job.Body, "template") {
			at := "/" + f.text(b, "destination")
			switch base := path.Base(at); {
			case strings.HasSuffix(base, ".pem"):
				certs = append(certs, at)
			case strings.HasSuffix(base, ".key"):
				keys = append(keys, at)
			default:
				texts = append(texts, at)
			}
		}
		at := filled(t, certs, keys, texts)
		var env []string
		for _, b := range find(f.job.Body, "env") {
			for key := range b.Body.Attributes {
				env = append(env, key+"="+at.Replace(f.text(b, key)))
			}
		}
		if len(env) < 5 {
			t.Errorf("%s: the environment %v", name, env)
		}
		accepts(t, env)
	}
}

func jobs(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(top, "examples/nomad/*.nomad.hcl"))
	if err != nil || len(all) != 2 {
		t.Fatalf("%v, %v", all, err)
	}
	return all
}

func job(t *testing.T, name string) *jobFile {
	t.Helper()
	f, err := readJob(name, source(t, "examples/nomad/"+filepath.Base(name)), map[string]string{"image": "registry.example.com/legate:1"})
	if err != nil {
		t.Fatal(err)
	}
	return f
}
