package deploy

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/solver/pb"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// registry answers for the base images, which are not here, that they have a layer and say nothing.
type registry struct{}

func (registry) ResolveImageConfig(_ context.Context, ref string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	layer := ocispecs.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromString(ref)}} // without one it is like scratch
	config, err := json.Marshal(ocispecs.Image{Platform: *opt.ImageOpt.Platform, RootFS: layer})
	return ref, digest.FromBytes(config), config, err
}

// conversion is how BuildKit is told to read the Dockerfile: on an amd64 machine, for this architecture.
func conversion(t testing.TB, architecture string, warn linter.LintWarnFunc) (dockerfile []byte, o dockerfile2llb.ConvertOpt) {
	t.Helper()
	dockerfile = []byte(source(t, "Dockerfile"))
	m := llb.NewSourceMap(nil, "Dockerfile", "Dockerfile", dockerfile)
	m.Definition = &llb.Definition{}
	return dockerfile, dockerfile2llb.ConvertOpt{
		Config: dockerui.Config{
			BuildArgs:      map[string]string{"VERSION": "v1.2.3", "REVISION": "0123abc"},
			BuildPlatforms: []ocispecs.Platform{{OS: "linux", Architecture: "amd64"}},
		},
		TargetPlatform: &ocispecs.Platform{OS: "linux", Architecture: architecture},
		MetaResolver:   registry{},
		SourceMap:      m,
		Warn:           warn,
	}
}

func converted(t testing.TB, architecture string) *dockerfile2llb.Result {
	t.Helper()
	dockerfile, o := conversion(t, architecture, func(string, string, string, string, []parser.Range) {})
	r, err := dockerfile2llb.Dockerfile2LLB(t.Context(), dockerfile, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// imageFor is the image's configuration, as BuildKit makes it of the Dockerfile.
func imageFor(t testing.TB, architecture string) *dockerspec.DockerOCIImage {
	t.Helper()
	return converted(t, architecture).Image
}

// userOf is the number of the image's user and group: one that is no name needs no file in the image.
func userOf(t testing.TB, image *dockerspec.DockerOCIImage) uint32 {
	t.Helper()
	user, group, _ := strings.Cut(image.Config.User, ":")
	n, err := strconv.ParseUint(user, 10, 32)
	if err != nil || n == 0 || group != user {
		t.Fatalf("the user is %q, want the numbers of a user and a group without rights", image.Config.User)
	}
	return uint32(n)
}

func TestBuildKitHasNothingToSayAboutTheDockerfile(t *testing.T) {
	dockerfile, o := conversion(t, "arm64", nil)
	results, err := dockerfile2llb.DockerfileLint(t.Context(), dockerfile, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range results.Warnings {
		t.Errorf("%s: %s", w.RuleName, w.Detail)
	}
	if results.Error != nil {
		t.Error(results.Error.Message)
	}
}

// The linter's other test depends on this.
func TestBuildKitsLinterSeesAMistake(t *testing.T) {
	dockerfile, o := conversion(t, "amd64", nil)
	bad := []byte(strings.Replace(string(dockerfile), "FROM ${BASE}", "FROM ${BASES}", 1))
	if results, err := dockerfile2llb.DockerfileLint(t.Context(), bad, o); err == nil && len(results.Warnings) == 0 && results.Error == nil {
		t.Error("a base that has no name is fine")
	}
}

// The image runs Legate as a user without rights, asks it whether it is ready, and says what it is.
func TestTheImageIsLegateAndNothingElse(t *testing.T) {
	for _, architecture := range []string{"amd64", "arm64"} {
		image := imageFor(t, architecture)
		if image.Architecture != architecture || image.OS != "linux" {
			t.Errorf("it is for %s/%s, want %s", image.OS, image.Architecture, architecture)
		}
		c := image.Config
		const program = "/usr/local/bin/legate"
		if !slices.Equal(c.Entrypoint, []string{program}) || !slices.Equal(c.Cmd, []string{"serve"}) {
			t.Errorf("it runs %v %v", c.Entrypoint, c.Cmd)
		}
		if c.Healthcheck == nil || !slices.Equal(c.Healthcheck.Test, []string{"CMD", program, "healthcheck"}) {
			t.Errorf("its health check is %+v", c.Healthcheck)
		}
		userOf(t, image)
		for name, want := range map[string]string{"title": "legate", "licenses": "Apache-2.0", "version": "v1.2.3", "revision": "0123abc"} {
			if got := c.Labels["org.opencontainers.image."+name]; got != want {
				t.Errorf("label %s is %q, want %q", name, got, want)
			}
		}
		if len(c.Volumes) > 0 {
			t.Errorf("volumes %v are made for each container, and left behind", c.Volumes)
		}
	}
}

// Nothing is emulated: the compiler runs on the builder's architecture and makes a program for the other.
func TestTheImageForAnotherArchitectureIsCrossCompiled(t *testing.T) {
	def, err := converted(t, "arm64").State.Marshal(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	compiled := false
	for _, dt := range def.Def {
		var op pb.Op
		if err := op.Unmarshal(dt); err != nil {
			t.Fatal(err)
		}
		run := op.GetExec()
		if run == nil {
			continue
		}
		if op.Platform.Architecture != "amd64" {
			t.Errorf("%v runs on %s", run.Meta.Args, op.Platform.Architecture)
		}
		if strings.Contains(strings.Join(run.Meta.Args, " "), "GOARCH=${TARGETARCH} go build") {
			compiled = slices.Contains(run.Meta.Env, "TARGETARCH=arm64")
		}
	}
	if !compiled {
		t.Error("no go build for arm64")
	}
}

// Go calls the tree changed, and so the version, if files of it are not sent to the builder.
func TestTheBuilderIsSentAllButWhatGitIgnores(t *testing.T) {
	lines := func(file, folder string) (all []string) {
		for line := range strings.Lines(source(t, file)) {
			if line = strings.Trim(strings.TrimSpace(line), "/"); line != "" && !strings.HasPrefix(line, "#") {
				all = append(all, strings.TrimPrefix(folder+strings.TrimPrefix(line, "**/"), "/"))
			}
		}
		slices.Sort(all)
		return all
	}
	want := append(lines(".gitignore", ""), lines("tools/draw/.gitignore", "tools/draw/")...)
	slices.Sort(want)
	if got := lines(".dockerignore", ""); !slices.Equal(got, want) {
		t.Errorf(".dockerignore has %v, .gitignore %v", got, want)
	}
}
