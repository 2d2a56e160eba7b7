package admin

import "strings"

// What the pages that list something share: a search, choices of what is listed, and a table that can be sorted.

// listPage is what the page of a list shows around its rows.
type listPage struct {
	Page    head
	Path    string // of the page
	Field   string // what is searched
	Search  string
	Sort    string // as in the address, for the form
	Only    string
	Parts   []part
	Columns []column
	Pager   pager
	API     string // where a program finds the same
}

// listPage is that of what a query has found.
func (s *Server) listPage(q query, here, title, field string, choices []choice, headings []heading, p Paging) listPage {
	return listPage{
		Page: s.head(here, title), Path: "/" + here, Field: field, Search: q.search, Sort: q.order(), Only: q.only,
		Parts: partsOf(q, choices), Columns: columnsOf(q, headings), Pager: pagerOf(q, p),
		API: strings.TrimSuffix("/api/v1/"+here+q.with(p.Page), "?"),
	}
}

// choice is a part of what can be listed, as in the address, and what it is called.
type choice struct{ only, says string }

// part is a choice as a link.
type part struct {
	Says, Link string
	Here       bool
}

// partsOf are links to the choices that keep all else of the query.
func partsOf(q query, choices []choice) []part {
	var all []part
	for _, one := range choices {
		next := q
		next.only = one.only
		all = append(all, part{one.says, next.with(1), q.only == one.only})
	}
	return all
}

// heading describes a column of a table.
type heading struct {
	name   string // by which it is sorted, as in the address; empty: it cannot be sorted
	says   string
	class  string
	lowest bool // is sorted from the lowest, or the worst, when it is chosen
}

// column is the head of a column.
type column struct {
	Says, Link string // no link: the table cannot be sorted by it
	Class      string
	Order      string // ascending or descending: the table is sorted by it; or empty
}

// columnsOf are the heads of the columns. A column is sorted from the highest first when it is chosen, unless its
// heading says otherwise; when it is chosen again, the other way round.
func columnsOf(q query, headings []heading) []column {
	var all []column
	for _, h := range headings {
		c := column{Says: h.says, Class: h.class}
		if h.name != "" {
			next := q
			next.sort, next.down = h.name, !h.lowest
			if q.sort == h.name {
				next.down = !q.down
				c.Order = map[bool]string{true: "descending", false: "ascending"}[q.down]
			}
			c.Link = next.with(1)
		}
		all = append(all, c)
	}
	return all
}
