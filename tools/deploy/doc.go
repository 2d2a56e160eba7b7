// Package deploy checks the ways of running Legate that other programs read: the Dockerfile, compose.yaml, the Helm
// chart and the Nomad jobs. Each is read by the code of the program that it is for, or by its types, and what it
// starts is started, as far as that needs no container engine and no cluster: the commands of compose.yaml run with
// the real programs, Legate in a root that holds only what the image has.
//
// It is a module of its own, because Legate needs none of these libraries. Run it with: make deploy-test
//
// It imports nothing of Legate, so the dependencies of the two do not mix. Legate's program is built, and asked.
package deploy
