// Legate serves what HashiCorp Consul knows to Envoy over xDS.
package main

import (
	"os"

	"legate/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args)) }
