//go:build !race

package xdsserver

const raceDetector = false
