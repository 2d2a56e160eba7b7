//go:build !unix

package cli

import "io"

func columns(io.Writer) int { return 0 }
