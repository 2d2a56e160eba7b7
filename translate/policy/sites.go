package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Sites say where else a service is looked for, in this order: one of the words None and FromConsul alone, or names of
// datacenters and of peers (cluster01.peer), among which Nearest stands for the datacenters by their distance.
type Sites []string

// The words that are no names of sites.
const (
	None       = "none"
	Nearest    = "nearest"
	FromConsul = "consul"
)

// peerSuffix ends the name of a peer, as it does in Consul's DNS.
const peerSuffix = ".peer"

// Are reports whether the only word is this one.
func (s Sites) Are(word string) bool { return len(s) == 1 && s[0] == word }

// MarshalJSON writes a word as it is, and names as a list.
func (s Sites) MarshalJSON() ([]byte, error) {
	if len(s) == 1 && slices.Contains([]string{None, Nearest, FromConsul}, s[0]) {
		return json.Marshal(s[0])
	}
	return json.Marshal([]string(s))
}

// failover is for names that no site has. Whether there is such a site is not known here.
func (c *checker) failover() {
	const field = "failover"
	sites := c.policy.Failover
	switch {
	case sites == nil:
		return
	case len(sites) == 0:
		c.wrong(field, "the list is empty", "write none, nearest, or the names of datacenters and peers")
	case len(sites) > 1 && (slices.Contains(sites, None) || slices.Contains(sites, FromConsul)):
		c.wrong(field, "none and consul stand alone", "write one of them, or the names of datacenters and peers")
	case repeated(sites):
		c.wrong(field, "a name is there twice", "remove one")
	}
	for _, one := range sites {
		name, isPeer := strings.CutSuffix(one, peerSuffix)
		switch {
		case name == "" || strings.ContainsFunc(name, notInSite):
			c.wrong(field, quote(one)+" is the name of no datacenter nor peer", "write names such as dc2 and cluster01.peer")
		case !isPeer && strings.ToLower(name) != name:
			c.wrong(field, quote(one)+" is not how Consul writes a datacenter", "write "+strings.ToLower(name))
		}
	}
}

func notInSite(r rune) bool {
	return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '_'
}

// ownersSites says why an owner cannot have these sites. Another datacenter is of the same organisation, with the same
// rights; a peer is somebody else's, and who leads requests there is the operator.
func ownersSites(sites Sites) (detail, remedy string) {
	for _, one := range sites {
		if strings.HasSuffix(one, peerSuffix) {
			return fmt.Sprintf("%s is a peer, and owners cannot name peers", quote(one)), "name datacenters, or ask the operator for a rule in Legate's policy file"
		}
	}
	return "", ""
}
