// Package legatetest gives tests the program that they test, built once for a run, and Legates
// that end with the test.
package legatetest
