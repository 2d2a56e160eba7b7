// Package release pins the programs that make Legate's archives and packages, GoReleaser and cyclonedx-gomod, and
// tests what they make of ../../.goreleaser.yaml and ../packages.
//
// It is a module of its own, because these programs are heavy dependencies that Legate does not need. "make
// packages-test" builds them once and runs the tests. It takes as many minutes as three links for six platforms do. As
// root on Debian it also installs, upgrades and purges the package, in a copy of this machine that nobody else sees.
package release
