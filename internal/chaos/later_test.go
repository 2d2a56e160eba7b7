package chaos_test

import "testing"

func newTLSScene(t *testing.T) *scene { return nil }
func newACLScene(t *testing.T) *scene { return nil }
func tlsFaults() []fault              { return nil }
func aclFaults() []fault              { return nil }
func legateFaults() []fault           { return nil }
func clientFaults() []fault           { return nil }
