package admin

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"legate/internal/quote"
)

// query is what a request for a list wants of it. Pages and API have the same parameters.
type query struct {
	search string // ?q=: a part of the name, in any case
	only   string // ?only=: empty is all
	sort   string // ?sort=: a column, the first one if none is named
	down   bool   // from the highest: a minus before the column
	first  string // the column that the list is sorted by unless asked otherwise
	page   int    // ?page=: from 1
	limit  int    // ?limit=: rows of a page

	resource string // ?resource=: on the page of a node, a part of a resource's name
	node     string // ?node=: on the page of a service, who sees it so
}

// Limits of a query.
const (
	maxSearch    = 256 // bytes
	defaultLimit = 100
	maxLimit     = 1000
	maxPage      = 1 << 30
)

// readQuery reads the parameters of a list that can be sorted by these columns and has these parts; a list
// without columns has pages only.
func readQuery(r *http.Request, columns, parts []string) (query, error) {
	values, q := r.URL.Query(), query{}
	var err error
	if q.page, err = number(values, "page", 1, maxPage); err != nil {
		return q, err
	}
	if q.limit, err = number(values, "limit", defaultLimit, maxLimit); err != nil || len(columns) == 0 {
		return q, err
	}
	q.search, q.only, q.sort, q.first = values.Get("q"), values.Get("only"), values.Get("sort"), columns[0]
	if len(q.search) > maxSearch {
		return q, fmt.Errorf("q: at most %d bytes", maxSearch)
	}
	if q.only != "" && !slices.Contains(parts, q.only) {
		return q, fmt.Errorf("only=%s: one of %s", quote.Name(q.only), strings.Join(parts, ", "))
	}
	if q.sort == "" {
		q.sort = q.first
	}
	if q.sort, q.down = strings.CutPrefix(q.sort, "-"); !slices.Contains(columns, q.sort) {
		return q, fmt.Errorf("sort=%s: one of %s, with a minus before it for the highest first", quote.Name(q.sort), strings.Join(columns, ", "))
	}
	return q, nil
}

func number(values url.Values, name string, otherwise, most int) (int, error) {
	text := values.Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("%s=%s: a number from 1 to %d", name, quote.Name(text), most)
	}
	return n, nil
}

// order is the value of ?sort=; empty if the list has it anyway.
func (q query) order() string {
	switch {
	case q.down:
		return "-" + q.sort
	case q.sort == q.first:
		return ""
	}
	return q.sort
}

// with is the query of a page of the list, as a relative URL.
func (q query) with(page int) string {
	values := url.Values{}
	set := func(name, value string) {
		if value != "" {
			values.Set(name, value)
		}
	}
	set("q", q.search)
	set("only", q.only)
	set("sort", q.order())
	set("resource", q.resource)
	set("node", q.node)
	if q.limit != defaultLimit {
		set("limit", strconv.Itoa(q.limit))
	}
	if page > 1 {
		set("page", strconv.Itoa(page))
	}
	return "?" + values.Encode()
}

// Paging says which rows of a list these are.
type Paging struct {
	Total int `json:"total"` // rows on all pages
	Page  int `json:"page"`  // from 1
	Pages int `json:"pages"`
	Limit int `json:"limit"` // rows of a page
}

// paged returns the rows of the page that a query wants; of the last one, if there are not so many.
func paged[Row any](q query, all []Row) (Paging, []Row) {
	p := Paging{Total: len(all), Limit: q.limit, Pages: max(1, (len(all)+q.limit-1)/q.limit)}
	p.Page = min(q.page, p.Pages)
	from := (p.Page - 1) * q.limit
	return p, all[from:min(from+q.limit, len(all))]
}

// pager leads to the other pages of a list.
type pager struct {
	Paging
	From, To   int // the rows that are shown, from 1
	Prev, Next string
}

func pagerOf(q query, p Paging) pager {
	out := pager{Paging: p, From: min(p.Total, (p.Page-1)*p.Limit+1), To: min(p.Total, p.Page*p.Limit)}
	if p.Page > 1 {
		out.Prev = q.with(p.Page - 1)
	}
	if p.Page < p.Pages {
		out.Next = q.with(p.Page + 1)
	}
	return out
}

// answer writes JSON, with an ETag by which a client need not read the same again (If-None-Match).
func (s *Server) answer(w http.ResponseWriter, r *http.Request, v any) {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		s.log.Error("answer not encoded", "path", quote.Name(r.URL.Path), "error", err)
		http.Error(w, "the answer could not be encoded: "+err.Error(), http.StatusInternalServerError)
		return
	}
	body = append(quote.JSON(body), '\n')
	sum := sha256.Sum256(body)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("ETag", `"`+base64.RawURLEncoding.EncodeToString(sum[:12])+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}
