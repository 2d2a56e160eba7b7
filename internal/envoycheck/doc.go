// Package envoycheck finds what is wrong with a bootstrap of Envoy that shall use Legate. It reads the
// bootstrap as a tree of maps, lists, texts and numbers, so it needs to know no extension that Envoy has.
//
// Of a running Envoy it also says what keeps its requests to a service from being answered, from what the Envoy counts:
// [Traffic.Troubles].
//
// Of the bootstrap it looks at what concerns Legate only: how Envoy reaches it, what it asks for, and what happens with the
// answers. It does not say whether Envoy accepts the rest: "envoy --mode validate" does.
package envoycheck
