package e2e_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	statusv3 "github.com/envoyproxy/go-control-plane/envoy/service/status/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/encoding/protojson"

	"legate/internal/xdstest"
)

var (
	stamps       = regexp.MustCompile(`"\d{4}-\d\d-\d\dT[^"]+Z"`)
	versionInfos = regexp.MustCompile(`("versionInfo": *)"[\w-]+"`)
)

// clientStatus is what a tool that speaks CSDS is told of a node, as JSON without what differs from run to run.
func clientStatus(t testing.TB, l *legate, node string) any {
	t.Helper()
	m, err := statusv3.NewClientStatusDiscoveryServiceClient(xdstest.Dial(t, l.XDS)).FetchClientStatus(t.Context(), &statusv3.ClientStatusRequest{
		NodeMatchers:            []*matcherv3.NodeMatcher{{NodeId: &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: node}}}},
		ExcludeResourceContents: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(protojson.Format(m))
	return plainJSON(t, protojson.Format(m))
}

func plainJSON(t testing.TB, text string) (v any) {
	t.Helper()
	text = versionInfos.ReplaceAllString(stamps.ReplaceAllString(text, `"TIME"`), `$1"VERSION"`)
	text = streams.ReplaceAllString(ports.ReplaceAllString(text, "ADDRESS"), "STREAM")
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

// documentedStatus is the same as docs/csds.md shows it.
func documentedStatus(t testing.TB) any {
	t.Helper()
	text, err := os.ReadFile("../../docs/csds.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks(string(text)) {
		if strings.HasPrefix(b.text, "{") {
			return plainJSON(t, b.text)
		}
	}
	t.Fatal("docs/csds.md shows no answer")
	return nil
}
