// Support tries Legate with other versions of Consul and Envoy than the pinned ones: it runs the end-to-end tests that
// show what a user relies on, once for each version, and prints a table of the results in Markdown, for docs/support.md.
//
// The older Envoys are downloaded once, with the hashes in tools/envoy/older. Older Consuls are built once, from the modules
// in tools/consul/older, which takes minutes; others are named by path.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strings"
	"syscall"

	"legate/internal/parts"
	"legate/internal/parts/pinned"
)

// shown are the tests: following Consul over each way of asking, policies, config entries, outages of either side, other
// datacenters and peers, and reading only what is asked for.
var shown = []string{
	"TestEveryEnvoyFollowsConsul",
	"TestARealEnvoyAcceptsEveryPolicyThatTheSchemaAllows",
	"TestEachGroupOfThePolicyDoesWhatItSays",
	"TestConsulsConfigEntriesReachEnvoyAndAreNotLostByAnACLMistake",
	"TestTrafficGoesOnWhileConsulIsAway",
	"TestEnvoysMoveToAnotherLegateThatHasReadHalfOfConsul",
	"TestTheNearestHealthyEndpointWhereverItIs",
	"TestOnlyWhatEnvoysAskForIsFollowed",
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	consuls := flag.String("consul", "", "versions of Consul to try, of those in tools/consul/older, or paths, separated by commas")
	envoys := flag.String("envoy", "", "versions of Envoy to try, of those in tools/envoy/older, separated by commas")
	flag.Parse()
	if err := try(ctx, list(*consuls), list(*envoys)); err != nil {
		fmt.Fprintln(os.Stderr, "support:", err)
		os.Exit(1)
	}
}

func list(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

// pair is a Consul and an Envoy that are tried with each other: one of them is the pinned one.
type pair struct{ consul, envoy string }

func try(ctx context.Context, consuls, envoys []string) error {
	newest := pair{}
	var err error
	if newest.consul, err = pinned.Consul(ctx, os.Stderr); err != nil {
		return err
	}
	if newest.envoy, err = pinned.Envoy(ctx, os.Stderr); err != nil {
		return err
	}
	var pairs []pair
	for _, consul := range consuls {
		if !strings.ContainsRune(consul, os.PathSeparator) {
			if consul, err = pinned.OlderConsul(ctx, consul, os.Stderr); err != nil {
				return err
			}
		}
		pairs = append(pairs, pair{consul, newest.envoy})
	}
	for _, version := range envoys {
		envoy, err := pinned.OlderEnvoy(ctx, version, os.Stderr)
		if err != nil {
			return err
		}
		pairs = append(pairs, pair{newest.consul, envoy})
	}
	if len(pairs) == 0 {
		return fmt.Errorf("nothing to try: name -consul PATHS or -envoy VERSIONS")
	}
	failed := 0
	var rows []string
	for _, p := range pairs {
		row, passed, err := p.run(ctx)
		if err != nil {
			return err
		}
		rows = append(rows, row)
		if !passed {
			failed++
		}
	}
	fmt.Printf("| Consul | Envoy | end-to-end tests |\n|---|---|---|\n%s\n", strings.Join(rows, "\n"))
	if failed > 0 {
		return fmt.Errorf("%d of %d failed", failed, len(pairs))
	}
	return nil
}

// run runs the tests with the two, and returns a row of the table.
func (p pair) run(ctx context.Context) (row string, passed bool, err error) {
	consul, err := parts.ConsulProgram().Says(ctx, p.consul)
	if err != nil {
		return "", false, err
	}
	envoy, err := parts.EnvoyProgram().Says(ctx, p.envoy)
	if err != nil {
		return "", false, err
	}
	fmt.Fprintf(os.Stderr, "trying Consul %s with Envoy %s: 3 to 5 minutes\n", consul, envoy)
	cmd := exec.CommandContext(ctx, "go", "test", "./internal/e2e", "-count=1", "-timeout=20m", "-v", "-run", "^("+strings.Join(shown, "|")+")$")
	cmd.Env = append(os.Environ(), "CI=true", parts.ConsulProgram().Override+"="+p.consul, parts.EnvoyProgram().Override+"="+p.envoy)
	output, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return "", false, ctx.Err()
	}
	var broken []string
	ran := 0
	for _, test := range shown {
		switch {
		case strings.Contains(string(output), "\n--- PASS: "+test+" "):
			ran++
		default:
			broken = append(broken, test)
		}
	}
	if err == nil && len(broken) == 0 {
		row = fmt.Sprintf("| %s | %s | %d pass", consul, envoy, ran)
		for _, skipped := range regexp.MustCompile(`(?m)^ +--- SKIP: (\S+)`).FindAllStringSubmatch(string(output), -1) {
			row += ", without " + skipped[1]
		}
		return row + " |", true, nil
	}
	fmt.Fprintf(os.Stderr, "%s\n", output)
	return fmt.Sprintf("| %s | %s | not: %s |", consul, envoy, strings.Join(broken, ", ")), false, nil
}
