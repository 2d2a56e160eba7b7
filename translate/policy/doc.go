// Package policy says what each service's cluster shall be, and who said so.
//
// A [Policy] has a field for everything that can be said, each optional. Several sources say something, the
// weakest first: Legate's own defaults, `defaults:` of the operator's file, Consul's config entries, the
// service's owner by its meta, and the rules under `services:` of the operator's file. [Policies] is what
// the operator wrote; [Policies.For] merges all sources into the [Effective] policy of one service, which
// knows for each field who gave it.
//
// What a caller may rely on:
//
//   - The package is pure: no clock, no I/O, no logger. Equal inputs give equal policies.
//   - A file with any mistake gives an error with all of its mistakes, each with file, line and remedy.
//   - A mistake of a service's owner or in Consul's entries harms that field of that service alone. It is
//     a [Problem], and what the next weaker source says holds.
//   - An effective policy breaks no rule that [Policy.Validate] knows: what Envoy would refuse in it is left out.
//   - Instances that say different things in their meta: what most of them say holds, ties go to what the
//     oldest registration says. So a rolling deploy changes the policy once. It is a Problem while it lasts.
//   - All instances have a vote, whatever their health and whether or not they can be served. A service
//     without any is as its last ones said (catalog.Service.Former), so the policy stays while they are gone.
package policy
