package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// checkout is where README.md and docs/ are.
const checkout = "../../"

// pageBlock is a fenced block of a page.
type pageBlock struct {
	page, kind, text string
	line             int
}

func (b pageBlock) String() string {
	first, _, _ := strings.Cut(strings.TrimSpace(b.text), "\n")
	return fmt.Sprintf("%s:%d: %q: %.60s", b.page, b.line, b.kind, first)
}

// pageBlocks are the blocks of README.md and docs/*.md.
func pageBlocks(t *testing.T) (all []pageBlock) {
	t.Helper()
	pages, err := filepath.Glob(checkout + "docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatal(pages, err)
	}
	for _, page := range append(pages, checkout+"README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		var open *pageBlock
		line := 0
		for l := range strings.Lines(string(text)) {
			line++
			fence, isFence := strings.CutPrefix(strings.TrimSpace(l), "```")
			switch {
			case isFence && open == nil:
				open = &pageBlock{page: strings.TrimPrefix(page, checkout), kind: fence, line: line}
			case isFence:
				all, open = append(all, *open), nil
			case open != nil:
				open.text += l
			}
		}
		if open != nil {
			t.Errorf("%v: it has no end", open)
		}
	}
	return all
}

// byTest says which test runs a block, or compares it with what is printed.
type byTest struct{ page, begins, file, test string }

// byTests are the blocks that tests elsewhere run. Of several that fit, the first counts.
var byTests = []byTest{
	{"README.md", "make build", "internal/e2e/readme_five_test.go", "TestTheFiveMinutesOfTheREADMERunAsTheyAreWritten"},
	{"docs/api.md", "{", "internal/admin/doc_test.go", "TestDocumentedAnswersAreReal"},
	{"docs/api.md", "state: ", "internal/admin/doc_test.go", "TestDocumentedAnswersAreReal"},
	{"docs/changes.md", "$ legate changes", "internal/e2e/changed_test.go", "TestEachChangeIsRememberedAsTheDocumentationShows"},
	{"docs/changes.md", "{", "internal/e2e/changed_test.go", "TestEachChangeIsRememberedAsTheDocumentationShows"},
	{"docs/check.md", "$ legate check envoy", "internal/cli/check_envoy_test.go", "TestCheckEnvoyPrintsWhatTheDocumentationShows"},
	{"docs/check.md", "$ legate check consul", "internal/cli/check_envoy_test.go", "TestCheckConsulReadsAllThatServeWould"},
	{"docs/containers.md", "docker build", "tools/deploy/dockerfile_test.go", "TestTheImageIsLegateAndNothingElse"}, // without Docker
	{"docs/containers.md", "docker run", "tools/deploy/dockerfile_test.go", "TestTheImageIsLegateAndNothingElse"},
	{"docs/csds.md", "grpcurl", "internal/e2e/status_test.go", "TestStatusShowsWhoFollowsWhoStandsStillAndWhoRejects"}, // it asks the same, without grpcurl
	{"docs/csds.md", "{", "internal/e2e/status_test.go", "TestStatusShowsWhoFollowsWhoStandsStillAndWhoRejects"},
	{"docs/dashboards.md", "$ legate dashboards", "internal/cli/export_test.go", "TestTheDashboardsAreExportedAsTheDocumentationShows"},
	{"docs/diff.md", "$ legate diff", "internal/cli/diff_test.go", "TestDiffPrintsWhatTheDocumentationShows"},
	{"docs/explain.md", "$ legate explain web\nweb: Traffic goes to dc2", "internal/cli/explain_test.go", "TestExplainTellsWhereTrafficGoesAndWhy"},
	{"docs/explain.md", "$ legate explain web", "internal/e2e/explain_test.go", "TestExplainSaysWhyInstancesTakeNoTraffic"},
	{"docs/explain.md", "legate: ", "internal/e2e/explain_test.go", "TestExplainSaysWhyInstancesTakeNoTraffic"},
	{"docs/install.md", "docker compose up", "tools/deploy/composerun_linux_test.go", "TestComposeRunsAsItIsWritten"},
	{"docs/install.md", "docker build", "tools/deploy/dockerfile_test.go", "TestTheImageIsLegateAndNothingElse"},
	{"docs/install.md", "cd examples/helm", "tools/deploy/chart_test.go", "TestTheChartsREADMESetsValuesThatThereAre"}, // no cluster
	{"docs/install.md", "cd examples/nomad", "tools/deploy/nomad_test.go", "TestLegateAcceptsTheSettingsOfNomadsJobs"}, // no Nomad
	{"docs/oncall.md", "$ ", "internal/e2e/oncall_test.go", "TestTheCauseOfEachStagedFaultIsFoundAsTheDocumentationShows"},
	{"docs/page.md", "{", "internal/admin/doc_test.go", "TestDocumentedAnswersAreReal"},
	{"docs/shell.md", "$ ", "internal/cli/completion_test.go", "TestThePageOfShellsShowsWhatIsPrinted"},
	{"docs/status.md", "$ legate status\n…", "internal/cli/status_sites_test.go", "TestStatusShowsEachDatacenterAndPeer"},
	{"docs/status.md", "$ legate status", "internal/e2e/status_test.go", "TestStatusShowsWhoFollowsWhoStandsStillAndWhoRejects"},
	{"docs/verify.md", "$ legate verify", "internal/e2e/verify_test.go", "TestVerifySaysWhoIsWrong"},
	{"docs/watch.md", "$ legate watch", "internal/e2e/watch_test.go", "TestWatchPrintsEachChangeInConsulAsTheDocumentationShows"},
}

// byKinds are the blocks that are run because of their kind.
var byKinds = []byTest{
	{"docs/policy.md", "yaml", "translate/policy/reference_test.go", "TestEveryFileInTheDocumentationIsAPolicy"},
	{"docs/policy.md", "yaml envoy", "internal/e2e/policy_subsets_test.go", "cookbookRoutes"},
	{"docs/migrate.md", "sh", "internal/e2e/migrate_page_test.go", "TestThePageOfMigrationLeadsFromDNSToLegateAndBack"},
	{"docs/migrate.md", "diff", "internal/e2e/migrate_page_test.go", "TestThePageOfMigrationLeadsFromDNSToLegateAndBack"},
	{"docs/install.md", "sh sums", "tools/release/docs_test.go", "TestAStrangerIsServedByWhatThePageSays"},
	{"docs/install.md", "sh debian", "tools/release/docs_test.go", "TestAStrangerIsServedByWhatThePageSays"},
	{"docs/install.md", "sh first", "tools/release/docs_test.go", "TestAStrangerIsServedByWhatThePageSays"},
	{"docs/install.md", "sh first terminal", "tools/release/docs_test.go", "TestAStrangerIsServedByWhatThePageSays"},
	{"docs/install.md", "text", "tools/release/docs_test.go", "TestAStrangerIsServedByWhatThePageSays"},
	{"docs/install.md", "sh archive", "tools/release/docs_test.go", "TestTheProgramAloneRunsAsThePageSays"},
	{"docs/install.md", "sh source", "tools/release/docs_test.go", "TestTheProgramAloneRunsAsThePageSays"},
	{"docs/install.md", "sh fedora", "tools/release/docs_test.go", "TestOtherSystemsAreGivenFilesThatThereAre"},
	{"docs/install.md", "sh alpine", "tools/release/docs_test.go", "TestOtherSystemsAreGivenFilesThatThereAre"},
}

// Each block of README.md and docs/ is run, read or compared by a test: by one of those above, or here. With -v it lists
// them.
func TestEachBlockOfThePagesIsRun(t *testing.T) {
	fits := map[byTest]int{}
	whose := func(b pageBlock) *byTest {
		for _, w := range byTests {
			if w.page == b.page && strings.HasPrefix(b.text, w.begins) {
				return &w
			}
		}
		for _, w := range byKinds {
			if w.page == b.page && w.begins == b.kind {
				return &w
			}
		}
		return nil
	}
	list := func(b pageBlock, by string) {
		if testing.Verbose() {
			t.Logf("%v: %s", b, by)
		}
	}
	for _, b := range pageBlocks(t) {
		if w := whose(b); w != nil {
			fits[*w]++
			list(b, w.test+" in "+w.file)
			if command, is := strings.CutPrefix(b.text, "$ "); is {
				command, _, _ = strings.Cut(command, "\n")
				callsOf(t, pageBlock{page: b.page, kind: aboveOutput, line: b.line, text: command})
			}
			continue
		}
		list(b, "here")
		switch {
		case b.kind == "sh" || b.kind == "sh machine":
			callsOf(t, b)
		case readers[b.page+" "+b.kind] != nil:
			if err := readers[b.page+" "+b.kind](t, b); err != nil {
				t.Errorf("%v: %v\n%s", b, err, b.text)
			}
		default:
			t.Errorf("%v: nobody runs it: add it here, with what does", b)
		}
	}
	for _, w := range append(byTests, byKinds...) {
		source, err := os.ReadFile(checkout + w.file)
		if err != nil || !regexp.MustCompile(`(?m)^func `+w.test+`\(`).Match(source) {
			t.Errorf("%s has no %s, which runs blocks of %s: %v", w.file, w.test, w.page, err)
		}
		if fits[w] == 0 {
			t.Errorf("no block of %s is %q: remove it here", w.page, w.begins)
		}
	}
}

// paths are the calls of the API, and what else the admin listener answers.
func paths(t *testing.T) *regexp.Regexp {
	t.Helper()
	text, err := os.ReadFile(checkout + "docs/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var api struct{ Paths map[string]map[string]any }
	if err := json.Unmarshal(text, &api); err != nil {
		t.Fatal(err)
	}
	all := []string{"GET /", "GET /metrics", "GET /readyz", "GET /healthz"}
	for path, methods := range api.Paths {
		for method := range methods {
			all = append(all, strings.ToUpper(method)+" "+regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(path, "[^/]+"))
		}
	}
	return regexp.MustCompile("^(" + strings.Join(all, "|") + ")$")
}

// A command within a sentence is one that Legate has, with these flags. It need not be whole.
func TestEachCommandInASentenceIsOneThatThereIs(t *testing.T) {
	pages, err := filepath.Glob(checkout + "docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, page := range append(pages, checkout+"README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("`(?:sudo |\\./)?legate( [^`]+)`").FindAllStringSubmatch(string(text), -1) {
			found++
			if m[1] == " catalog 1" || strings.HasPrefix(m[1], " COMMAND") { // a format, any command
				continue
			}
			words, _, _ := strings.Cut(m[1], "|")
			words, _, _ = strings.Cut(words, "<(")
			got := read(nil, strings.Fields(words))
			if half := regexp.MustCompile(`^"legate .*" needs |^flag .* needs |^which command|no such file`); got.code != 0 && !half.MatchString(got.err) {
				t.Errorf("%s: %s: %s", page, m[0], got.err)
			}
		}
	}
	if found < 50 {
		t.Errorf("%d commands were found", found)
	}
}
