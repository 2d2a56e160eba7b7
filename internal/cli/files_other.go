//go:build !unix

package cli

import "errors"

// fileLimit is not a notion of every system.
func fileLimit() (uint64, error) { return 0, errors.ErrUnsupported }
