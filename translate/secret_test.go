package translate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"legate/discovery/catalog"
	"legate/translate/policy"
)

// TestServicesShareSecretsByAllLaws: services come, go and change the files that they name, as random policies
// have it. Each secret is sent once, as long as some cluster refers to it, and held once.
func TestServicesShareSecretsByAllLaws(t *testing.T) {
	names := []string{"a", "b", "c", "d"}
	shared := 0
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 9))
		now, said := empty(), catalog.New()
		var policies policy.Policies
		for range 8 {
			before := now
			if r.IntN(2) == 0 {
				policies = drawnFiles(t, r, names)
				now, _ = now.With(policies)
			} else {
				next := catalog.New()
				for _, name := range names {
					if r.IntN(3) > 0 {
						next.Services[own(name)] = catalog.Service{Key: own(name)}
					}
				}
				now, _ = now.Apply(said.Diff(next))
				said = next
			}
			what := fmt.Sprintf("seed %d", seed)
			requireLeads(t, what, before, now)
			whole, _ := empty().With(policies)
			whole, _ = whole.Apply(catalog.Catalog{}.Diff(said))
			requireSame(t, what, now, whole)
			requireLeads(t, what+", made anew", before, whole)
			shared += requireHeldOnce(t, now)
		}
	}
	if shared < 100 {
		t.Errorf("only %d secrets were shared: this shows too little", shared)
	}
}

// drawnFiles has each of the services name one of two authorities, or none, and perhaps a certificate.
func drawnFiles(t *testing.T, r *rand.Rand, names []string) policy.Policies {
	t.Helper()
	text := strings.Builder{}
	text.WriteString("services:\n- {match: {names: [x]}, protocol: grpc}\n")
	for _, name := range names {
		if ca := pick(r, "", "/one.pem", "/two.pem"); ca != "" {
			fmt.Fprintf(&text, "- {match: {names: [%s]}, tls: {ca: %s%s}}\n", name, ca, pick(r, "", ", cert_file: /tls.crt, key_file: /tls.key"))
		}
	}
	p, err := policy.Parse([]policy.File{{Name: "drawn", Content: []byte(text.String())}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// requireHeldOnce checks the index of secrets against the cells, and returns how many are shared.
func requireHeldOnce(t *testing.T, r Resources) (shared int) {
	t.Helper()
	var listed, held []holding
	for h := range r.holders.all.all() {
		listed = append(listed, h.holding)
	}
	first := map[string]*byte{}
	for c := range r.cells.all() {
		for _, one := range c.resources {
			if one.Type != SecretType {
				continue
			}
			held = append(held, holding{one.Name.Name, c.unit})
			if was, has := first[one.Name.Name]; !has {
				first[one.Name.Name] = &one.Value[0]
			} else if shared++; was != &one.Value[0] {
				t.Fatalf("%s is held twice", one.Name.Name)
			}
		}
	}
	slices.SortFunc(held, holding.Compare)
	if !slices.Equal(listed, held) {
		t.Fatalf("listed are %v, held %v", listed, held)
	}
	return shared
}

// Names say what is held, whatever is in the paths, and no client's limit is met by them.
func TestSecretsWithDifferentPathsHaveDifferentNames(t *testing.T) {
	long := "/" + strings.Repeat(":", 254)
	seen := map[string]bool{}
	for _, paths := range [][]string{{"/a", "/b"}, {"/a:/b"}, {"/a%3A/b"}, {"/a"}, {long, long}, {long}, {long, "/a"}} {
		name := secretName("ca", paths...)
		if seen[name] || len(name) > longestSecretName {
			t.Errorf("%v: %s", paths, name)
		}
		seen[name] = true
	}
}
