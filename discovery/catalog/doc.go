// Package catalog holds the values that discovery hands out: services with their instances, Consul's
// config entries, a [Catalog] of both, and the [Delta] between two catalogs.
//
//   - Values are plain data. Slices are sorted, and nothing is changed after it was handed over, so
//     values may be shared between goroutines and compared.
//   - Two values are Equal if a client could not tell them apart: Raft indexes do not count.
//   - a.Apply(a.Diff(b)) equals b, for any two catalogs.
//
// The package does no I/O and knows nothing of Consul's API.
package catalog
