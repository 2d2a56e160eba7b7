//go:build !unix

package cli

import "errors"

// fileLimit is unsupported: not every system has such a limit.
func fileLimit() (uint64, error) { return 0, errors.ErrUnsupported }
