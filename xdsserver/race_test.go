//go:build race

package xdsserver

// raceDetector says that the race detector watches this test, which takes memory of its own.
const raceDetector = true
