package admin

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"legate/internal/changes"
	"legate/translate"
	"legate/xdsserver"
)

// The document is made of the types and their comments by
//
//	go test ./internal/admin -run 'OpenAPI|Documented' -count=1 -openapi
var writeOpenAPI = flag.Bool("openapi", false, "make openapi.json anew, and add new fields to testdata/api-fields.txt; and write the answers in docs anew")

// parameter is one of a call, as the document has it.
type parameter struct {
	name, says string
	schema     object
	example    string // a value that is accepted
}

func word(values ...string) object { return object{"type": "string", "enum": values} }

func number1To(most int, otherwise int) object {
	return object{"type": "integer", "minimum": 1, "maximum": most, "default": otherwise}
}

func sorts(columns []string) (all []string) {
	for _, c := range columns {
		all = append(all, c, "-"+c)
	}
	return all
}

func page() []parameter {
	return []parameter{
		{"page", "Which page, from 1; beyond the last one: the last one.", number1To(maxPage, 1), "2"},
		{"limit", "Rows of a page.", number1To(maxLimit, defaultLimit), "3"},
	}
}

func listing(what string, columns, parts []string) []parameter {
	text := object{"type": "string", "maxLength": maxSearch}
	return append([]parameter{
		{"q", what, text, "e"},
		{"only", "Only these rows.", word(parts...), parts[0]},
		{"sort", "By what; with a minus from the highest.", word(sorts(columns)...), "-" + columns[1]},
	}, page()...)
}

// described is a call of the API, as the document has it.
type described struct {
	method, path, says string
	in                 string // the parameter in the path; empty: none
	params             []parameter
	answer             reflect.Type // nil: the document itself
	etag               bool
	codes              map[int]string // other than 200 and those of all
}

func theAPI() []described {
	kinds := []string{}
	for _, k := range changes.Kinds() {
		kinds = append(kinds, string(k))
	}
	text := object{"type": "string"}
	notYet := "Nothing is served yet."
	return []described{
		{"get", "/api/v1/status", "Everything at one moment: whether all is well, Consul, snapshot, clients.", "", nil, reflect.TypeFor[Status](), false, nil},
		{"get", "/api/v1/services", "All services.", "", listing("A part of the name, in any case.", serviceColumns(), serviceParts()), reflect.TypeFor[Services](), true, map[int]string{503: notYet}},
		{"get", "/api/v1/services/{name}", "One service: its instances, who has it, its problems, its policy. The paging is of its instances.", "name", append([]parameter{
			{"node", "The id of a node: each endpoint has the priority that it has for that one, because of where it stands.", object{"type": "string"}, ""},
		}, page()...), reflect.TypeFor[Service](), true, map[int]string{404: "There is no such service, or no open stream is of that node. The text says which name is near, and what may hide it.", 503: notYet}},
		{"get", "/api/v1/nodes", "All clients with open streams.", "", listing("A part of id, address, identity or cluster, in any case.", nodeColumns(), nodeParts()), reflect.TypeFor[Nodes](), true, nil},
		{"get", "/api/v1/nodes/{id}", "The clients with one id, and what they would get now: what differs first. The paging is of these resources.", "id", []parameter{
			{"resource", "A part of the resource's name, in any case.", object{"type": "string", "maxLength": maxSearch}, "e"},
			page()[0],
		}, reflect.TypeFor[NodesOfID](), true, map[int]string{404: "No open stream is of it. The text says which id is near."}},
		{"get", "/api/v1/changes", "What changed lately, the newest first; with after, what came after that, the oldest first.", "", []parameter{
			{"service", "Of this service.", object{"type": "string", "maxLength": maxSearch}, "web"},
			{"kind", "Of these kinds, with commas between: " + strings.Join(kinds, ", ") + ".", text, "service,policy"},
			{"since", "Since a time (RFC 3339), or so long ago (10m).", text, "10m"},
			{"limit", "Changes in the answer.", number1To(maxLimit, defaultLimit), "2"},
			{"before", "The next of the answer before: what is older. Not with after.", text, ""},
			{"after", "The id after which changes are wanted; empty: all that are remembered.", text, ""},
			{"wait", "With after: wait so long for a change, if there is none yet; " + maxWait.String() + " at most.", text, "0s"},
		}, reflect.TypeFor[Changes](), true, map[int]string{404: "Changes are not recorded here."}},
		{"get", "/api/v1/changes/{id}", "One change, with some of the clients that have not acknowledged it.", "id", nil, reflect.TypeFor[Changed](), true, map[int]string{404: "It is not remembered, or changes are not recorded here."}},
		{"get", "/api/v1/holds", "Losses in Consul that are not believed yet.", "", nil, reflect.TypeFor[Held](), true, nil},
		{"post", ReleasePath, "Believe losses at once: of one service or config entry, of one datacenter or peer, or all. Over the admin socket, or with the admin token.", "", []parameter{
			{"service", "The service, or the config entry (kind/name).", text, "web"},
			{"site", "The datacenter (dc2), or the peer (cluster01.peer): all that are held of it.", text, "dc2"},
			{"all", "All that are held. Either this, or service, or site.", word("true"), "true"},
		}, reflect.TypeFor[Held](), false, map[int]string{401: "The token is missing or wrong.", 403: "Changes are accepted over the socket only.", 404: "Nothing of it is held.", 429: "Too many wrong tokens.", 503: "The token file cannot be used."}},
		{"get", "/api/v1/consul", "How Consul is asked, and how it answers.", "", nil, reflect.TypeFor[Consul](), true, nil},
		{"get", "/api/v1/openapi.json", "This document.", "", nil, nil, false, nil},
	}
}

// document makes the document.
func document(t *testing.T) (object, *schemas) {
	t.Helper()
	types, paths := newSchemas(t), object{}
	said := func(what string) object {
		return object{"description": what, "content": object{"text/plain": object{"schema": object{"type": "string"}}}}
	}
	for _, c := range theAPI() {
		params := []any{}
		if c.in != "" {
			params = append(params, object{"name": c.in, "in": "path", "required": true, "schema": object{"type": "string"}})
		}
		for _, p := range c.params {
			params = append(params, object{"name": p.name, "in": "query", "description": p.says, "schema": p.schema, "allowEmptyValue": p.schema["type"] == "string"})
		}
		content := object{"description": "any JSON"}
		if c.answer != nil {
			content = types.of(c.answer)
		}
		ok := object{"description": "OK", "content": object{"application/json": object{"schema": content}}}
		responses := object{"200": ok, "400": said("A parameter is wrong, or there is no such parameter. The text says what is allowed."), "405": said("Another method is needed: see Allow."), "421": said("Asked for under a host name that is not Legate's.")}
		if c.etag {
			ok["headers"] = object{"ETag": object{"schema": object{"type": "string"}, "description": "Send it as If-None-Match: 304 as long as the answer is the same."}}
			params = append(params, object{"name": "If-None-Match", "in": "header", "schema": object{"type": "string"}})
			responses["304"] = object{"description": "The answer is the same."}
		}
		for code, what := range c.codes {
			responses[fmt.Sprint(code)] = said(what)
		}
		paths[c.path] = object{c.method: object{"summary": c.says, "operationId": operation(c), "parameters": params, "responses": responses}}
	}
	return object{
		"openapi": "3.0.3",
		"info":    object{"title": "Legate", "version": "v1", "description": "What a running Legate knows, and what it does. Fields are added, never renamed or removed within v1."},
		"servers": []any{object{"url": "http://127.0.0.1:18001"}},
		"paths":   paths, "components": object{"schemas": types.all},
	}, types
}

// operation names a call for those who make clients of the document.
func operation(c described) string {
	name := strings.NewReplacer("/api/v1/", "", "/{name}", "_one", "/{id}", "_one", "/", "_", ".", "_").Replace(c.path)
	return c.method + "_" + name
}

func encoded(t *testing.T, v any) []byte {
	t.Helper()
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

const anew = "make it anew: go test ./internal/admin -run 'OpenAPI|Documented' -count=1 -openapi"

func TestTheOpenAPIDocumentIsThatOfTheTypes(t *testing.T) {
	doc, types := document(t)
	want := encoded(t, doc)
	const golden = "testdata/api-fields.txt"
	known, err := os.ReadFile(golden)
	if err != nil && !*writeOpenAPI {
		t.Fatal(err)
	}
	had, has := strings.Split(strings.TrimSpace(string(known)), "\n"), types.list()
	for _, line := range had {
		if line != "" && !slices.Contains(has, line) {
			t.Errorf("programs read this field, and it is gone or another one: %s\nIf that must be, take the line out of %s by hand, and say so in CHANGELOG.md.", line, golden)
		}
	}
	slices.Sort(has)
	if *writeOpenAPI {
		for _, line := range has {
			if !slices.Contains(had, line) {
				had = append(had, line)
			}
		}
		slices.Sort(had)
		for file, content := range map[string][]byte{"web/openapi.json": want, "../../docs/openapi.json": want, golden: []byte(strings.TrimSpace(strings.Join(had, "\n")) + "\n")} {
			if err := os.WriteFile(file, content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	for _, line := range has {
		if !slices.Contains(had, line) {
			t.Errorf("%s is new, and not in %s: %s", line, golden, anew)
		}
	}
	for _, file := range []string{"web/openapi.json", "../../docs/openapi.json"} {
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the types say (%v): %s", file, err, anew)
		}
	}
}

// agreement checks answers against the document that Legate serves.
type agreement struct {
	t      *testing.T
	doc    *openapi3.T
	router routers.Router
}

func newAgreement(t *testing.T) agreement {
	t.Helper()
	if *writeOpenAPI {
		t.Skip("the document is made anew: run again without -openapi")
	}
	served := healthy().get(t, "/api/v1/openapi.json")
	if got := served.Header().Get("Content-Type"); served.Code != http.StatusOK || got != "application/json" {
		t.Errorf("%d %s", served.Code, got)
	}
	doc, err := openapi3.NewLoader().LoadFromData(served.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	doc.Servers = nil // any host
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return agreement{t, doc, router}
}

// ask asks a house, and compares what it answers with the document.
func (a agreement) ask(h http.Handler, method, target string, headers ...string) *httptest.ResponseRecorder {
	a.t.Helper()
	r := httptest.NewRequest(method, "http://localhost"+target, nil)
	for n := 0; n < len(headers); n += 2 {
		r.Header.Set(headers[n], headers[n+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	route, in, err := a.router.FindRoute(r)
	if err != nil {
		a.t.Errorf("%s %s: %v", method, target, err)
		return w
	}
	request := &openapi3filter.RequestValidationInput{Request: r, PathParams: in, Route: route}
	if w.Code == http.StatusOK {
		if err := openapi3filter.ValidateRequest(a.t.Context(), request); err != nil {
			a.t.Errorf("%s %s is accepted, and not documented: %v", method, target, err)
		}
	}
	answer := &openapi3filter.ResponseValidationInput{RequestValidationInput: request, Status: w.Code, Header: w.Header(), Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true}}
	answer.SetBodyBytes(w.Body.Bytes())
	if w.Code == http.StatusNotModified {
		answer.Header = http.Header{}
	}
	if err := openapi3filter.ValidateResponse(a.t.Context(), answer); err != nil {
		a.t.Errorf("%s %s: %d is not as documented: %.2000v", method, target, w.Code, err)
	}
	return w
}

// states are houses that have all that answers can have.
func states(t *testing.T) map[string]*house {
	rolling := shop(t)
	rolling.state.Rollout.Changed, rolling.state.Rollout.Waiting, rolling.state.Rollout.Paused, rolling.state.Rollout.Against = 3, 4, now, 2
	rolling.state.Rollout.Rejected = []xdsserver.Rejected{{Name: translate.Name{Type: translate.ClusterType, Name: "web"}, Node: "edge-1", Client: "10.0.0.1", Reason: "no"}}
	rolling.own = []Trouble{{Kind: "restart", Since: now, Detail: "x", Remedy: "y"}}
	rolling.lost = []xdsserver.Unfollowed{{Node: "edge-9", Remedy: "ask"}}
	rolling.large = []xdsserver.Oversize{{Type: translate.ClusterType, Name: "web", Last: now}}
	many := manyReject(5)
	many.streams[0].Types[0].InVain = []xdsserver.Missing{{Name: "x", Why: "y"}}
	with := town()
	with.record = yesterday().record
	with.record.Add(changes.Change{Kind: changes.Hold, Services: []string{"web"}, At: now})
	return map[string]*house{"empty": empty(), "healthy": healthy(), "town": with, "shop": shop(t), "rolling": rolling, "rejecting": many, "fleet": fleet(), "standing": standing(3), "troubled": troubled(), "all": all(), "odd": odd()}
}

// Every call is in the document with all its parameters, and every answer is as the document says: no field more, none less.
func TestWhatTheAPIAnswersIsWhatTheOpenAPIDocumentSays(t *testing.T) {
	a := newAgreement(t)
	calls := theAPI()
	routes := []string{ReleasePath}
	for _, c := range healthy().server().api() {
		routes = append(routes, c.path)
		i := slices.IndexFunc(calls, func(d described) bool { return d.path == c.path })
		if i < 0 {
			t.Fatalf("%s is not described", c.path)
		}
		names := []string{}
		for _, p := range calls[i].params {
			names = append(names, p.name)
		}
		if slices.Sort(names); !slices.Equal(names, slices.Sorted(slices.Values(c.params))) {
			t.Errorf("%s knows %v, and the document %v", c.path, c.params, names)
		}
	}
	if len(routes) != len(calls) || a.doc.Paths.Len() != len(calls) {
		t.Errorf("%d routes, %d described, %d in the document", len(routes), len(calls), a.doc.Paths.Len())
	}
	for name, h := range states(t) {
		s := h.server()
		s.rooms.Actions = map[string]http.Handler{ReleasePath: ReleaseHolds(releaser{"web": 1, "": 7, "site dc2": 3})}
		handler, newest := s.Handler(), "other-1"
		if h.record != nil {
			newest = h.record.Newest().String()
		}
		for _, c := range calls {
			method, path := strings.ToUpper(c.method), c.path
			for _, one := range map[string][]string{"": {""}, "name": {"web", "shop", "payments", "shpo"}, "id": {"edge-1", "edge-2", "egde-1", newest}}[c.in] {
				path = strings.NewReplacer("{name}", one, "{id}", one).Replace(c.path)
				w := a.ask(handler, method, path)
				if tag := w.Header().Get("ETag"); c.etag && w.Code == http.StatusOK {
					if again := a.ask(handler, method, path, "If-None-Match", tag); tag == "" || again.Code != http.StatusNotModified {
						t.Errorf("%s: %s: %d with its ETag %s", name, path, again.Code, tag)
					}
				}
				for _, p := range c.params {
					if p.name == "wait" { // it needs another one
						a.ask(handler, method, path+"?after=&wait=0s")
						continue
					}
					query := path + "?" + p.name + "=" + p.example
					if w := a.ask(handler, method, query); w.Code == http.StatusBadRequest {
						t.Errorf("%s: %s is documented, and refused: %s", name, query, w.Body)
					}
				}
				for _, wrong := range []string{"x=1", "Page=1", "q[]=a", "only[]=down"} {
					if w := a.ask(handler, method, path+"?"+wrong); w.Code != http.StatusBadRequest && w.Code != http.StatusForbidden {
						t.Errorf("%s: %s?%s: %d, want 400", name, path, wrong, w.Code)
					}
				}
			}
			a.ask(handler, method, path+"?page=x&limit=0")
		}
	}
	w := httptest.NewRecorder()
	ReleaseHolds(releaser{"web": 1}).ServeHTTP(w, httptest.NewRequest(http.MethodPost, ReleasePath+"?servcie=web&all=true", nil))
	if w.Code != http.StatusBadRequest {
		t.Errorf("a release of %q: %d", "servcie", w.Code)
	}
}

// The page of a list refuses what its call in the API does, and says what there is.
func TestThePageOfAListRefusesParametersThatItDoesNotKnow(t *testing.T) {
	h := yesterday()
	for path, want := range map[string]string{
		"/services?state=down": "state: no such parameter; there are q, only, sort, page, limit", "/nodes?Q=x": "there are q,",
		"/changes?services=web": "there are service, kind,", "/debug/config_dump?service=web": "there are view, name",
	} {
		if w := h.get(t, path); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d, want %s in\n%s", path, w.Code, want, w.Body)
		}
	}
	for _, path := range []string{"/?x=1", "/services/web?q=x", "/consul?release=web", "/services?q=x&only=down&sort=name&page=1&limit=3", "/changes?service=web&kind=service&since=1h&limit=3"} {
		if w := h.get(t, path); w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

// A document that lacks a field, or has one that is not there, is found out.
func TestAnAnswerThatIsNotAsDocumentedIsFound(t *testing.T) {
	a := newAgreement(t)
	h := healthy()
	r := httptest.NewRequest(http.MethodGet, "http://localhost/api/v1/holds", nil)
	route, in, err := a.router.FindRoute(r)
	if err != nil {
		t.Fatal(err)
	}
	for body, ok := range map[string]bool{
		`{"holds":[]}`: true, `{"holds":[],"extra":1}`: false, `{}`: false, `{"holds":null}`: false, `{"holds":[{"service":"web"}]}`: false,
	} {
		answer := &openapi3filter.ResponseValidationInput{RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: in, Route: route}, Status: 200, Header: h.get(t, "/api/v1/holds").Header()}
		if err := openapi3filter.ValidateResponse(t.Context(), answer.SetBodyBytes([]byte(body))); (err == nil) != ok {
			t.Errorf("%s: %v", body, err)
		}
	}
}
