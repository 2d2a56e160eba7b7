package admin

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"legate/discovery"
	"legate/internal/quote"
)

//go:embed web
var web embed.FS

// pages are the templates of the pages, by name. Each is the layout with a content of its own. A page that
// follows needs a template in web, its name here, and a view with a head.
type pages map[string]*template.Template

func newPages() pages {
	layout := template.Must(template.New("layout.html").Funcs(template.FuncMap{
		"ago":        ago,
		"span":       func(seconds float64) string { return span(time.Duration(seconds * float64(time.Second))) },
		"since":      func(now, t time.Time) string { return span(now.Sub(t)) },
		"clock":      clock,
		"ends":       func(now time.Time, h discovery.Hold) string { return h.Ends(now) },
		"plural":     plural,
		"mib":        mib,
		"mood":       moodOf,
		"short":      short,
		"lost":       lost,
		"deselected": deselected,
		"name":       quote.Name,
		"plain":      isPlain,
		"text":       func(s string) string { return quote.Text(s, quote.TextBytes) },
		"service":    servicePath,
		"node":       nodePath,
	}).ParseFS(web, "web/layout.html", "web/parts.html"))
	all := pages{}
	for _, name := range []string{"overview", "services", "service", "nodes", "node", "changes", "change", "consul", "missing"} {
		all[name] = template.Must(template.Must(layout.Clone()).ParseFS(web, "web/"+name+".html"))
	}
	return all
}

// head is what each page begins with.
type head struct {
	Build      string // of Legate: a page of another one is loaded anew
	Version    string
	Datacenter string // empty until known
	Title      string // of the page; empty: it is the overview
	Here       string // the page's place in the navigation
	Now        time.Time
	Mood       string // good, warn, bad: of the verdict
	Verdict    string // what the page says, in one sentence
}

func (s *Server) head(here, title string) head {
	build := s.rooms.Build
	return head{Build: strings.TrimSpace(build.Version + " " + build.Revision), Version: build.Version,
		Datacenter: s.rooms.Consul.Status().Datacenter, Title: title, Here: here, Now: s.now()}
}

// page serves a page, and learns what it costs. That of a list refuses parameters that it does not know, as the API does:
// one that is misspelt would show too much, and nobody would see.
func (s *Server) page(handle http.HandlerFunc, list string, params ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		began, to := time.Now(), &firstByte{ResponseWriter: w}
		if err := unknownParameter(r, params); err != nil && list != "" {
			s.missing(to, http.StatusBadRequest, list, strings.ToUpper(list[:1])+list[1:], "Nothing can be shown for this address: "+err.Error()+".", "", "")
		} else {
			handle(to, r)
		}
		s.events.learn(to.at.Sub(began))
	}
}

// firstByte notes when an answer begins to be sent: how long the client takes to read it does not count.
type firstByte struct {
	http.ResponseWriter
	at time.Time
}

func (f *firstByte) WriteHeader(code int) {
	f.at = time.Now()
	f.ResponseWriter.WriteHeader(code)
}

// render writes a page. api is where a program finds the same.
func (s *Server) render(w http.ResponseWriter, code int, name string, view any, api string) {
	var body bytes.Buffer
	if err := s.pages[name].ExecuteTemplate(&body, "layout.html", view); err != nil {
		s.log.Error("page not rendered", "page", name, "error", err)
		http.Error(w, "the page could not be rendered; "+api+" has the same content: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write(body.Bytes()) // the client may have gone
}

// missing is the page that is shown instead of one that there is not.
type missing struct {
	Page head
	Near string // the service or node that was probably meant; empty: none is near
	Note string // what else there is to say
}

// asset serves a file of the page.
func asset(contentType, name string) http.HandlerFunc {
	content, err := web.ReadFile("web/" + name)
	if err != nil {
		panic(err) // it is part of the program
	}
	if strings.HasPrefix(contentType, "text/") {
		contentType += "; charset=utf-8"
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(content) // the client may have gone
	}
}

// servicePath is where the page of a service is. It is empty for names that have none: see pathOf.
func servicePath(name string) string { return pathOf("/services/", name) }

// nodePath is where the page of the nodes with an id is; empty if they have none.
func nodePath(id string) string { return pathOf("/nodes/", id) }

// pathOf is empty for names that have no page: those that are too long to be served, and those that browsers take
// for folders, whether they are escaped or not.
func pathOf(list, name string) string {
	if name == "" || name == "." || name == ".." || len(name) > quote.NameBytes {
		return ""
	}
	return list + url.PathEscape(name)
}
