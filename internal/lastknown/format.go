package lastknown

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"legate/discovery/catalog"
)

// The file is text, in lines: the magic string with the schema; the header; one service a line, as
// JSON, in the order of their keys; so one config entry a line; and the seal, a SHA-256 of everything
// before it. The seal is the last line, so a file that was cut short has none.
const (
	// Magic is what each file begins with.
	Magic = "legate-last-known "
	seal  = "sha256:"
	// schema changes with every change to the shape of catalog.Service, catalog.Entry or the header:
	// otherwise a version that does not know a new field would silently drop it.
	schema = 5
	// oldest is the first schema that is still read: 4 is 5 without what service-resolvers say of subsets and
	// failover, and without other sites than the own datacenter, 3 is 4 without former instances, and 2 is 3 without config entries.
	oldest = 2
)

// Header describes the content of a file.
type Header struct {
	Scope Scope
	// Believed is when Consul last confirmed the content, in UTC.
	Believed time.Time
	Services int
	Entries  int `json:",omitempty"`
	// Sites are those that the content is of, beside the own datacenter, in order.
	Sites []Site `json:",omitempty"`
	// Hosts are the addresses of host names when the file was written: see package resolve.
	Hosts map[string][]netip.Addr `json:",omitempty"`
}

// Site is another datacenter than the own one, or a peer of that.
type Site struct {
	catalog.Site
	// Believed is when Consul last confirmed what it has, in UTC.
	Believed time.Time
}

// has says whether the content may be of a site.
func (h Header) has(at catalog.Site) bool {
	return at == catalog.Site{Datacenter: h.Scope.Datacenter} || slices.ContainsFunc(h.Sites, func(s Site) bool { return s.Site == at })
}

// Scope is what a catalog covers. A file of another scope belongs to another Legate.
type Scope struct {
	Datacenter string
	Namespace  string
	Partition  string
	Include    []string
	Exclude    []string
	Tags       []string
}

// Equal treats an empty list as equal to nil.
func (s Scope) Equal(o Scope) bool {
	return s.Datacenter == o.Datacenter && s.Namespace == o.Namespace && s.Partition == o.Partition &&
		slices.Equal(s.Include, o.Include) && slices.Equal(s.Exclude, o.Exclude) && slices.Equal(s.Tags, o.Tags)
}

func (s Scope) selection() catalog.Selection {
	return catalog.Selection{Include: s.Include, Exclude: s.Exclude, Tags: s.Tags}
}

// Encode writes a catalog. It sets Header.Services and Header.Entries itself.
func Encode(w io.Writer, h Header, c catalog.Catalog) error {
	sum := sha256.New()
	out := bufio.NewWriterSize(io.MultiWriter(w, sum), 64<<10)
	fmt.Fprintf(out, "%s%d\n", Magic, schema)
	h.Services, h.Entries = len(c.Services), len(c.Entries)
	lines := json.NewEncoder(out) // a write error stays in out, and Flush returns it
	if err := lines.Encode(h); err != nil {
		return err
	}
	for _, key := range slices.SortedFunc(maps.Keys(c.Services), catalog.ServiceKey.Compare) {
		if err := lines.Encode(c.Services[key]); err != nil {
			return err
		}
	}
	for _, key := range slices.SortedFunc(maps.Keys(c.Entries), catalog.EntryKey.Compare) {
		if err := lines.Encode(c.Entries[key]); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%s%x\n", seal, sum.Sum(nil))
	return err
}

// Reasons to reject a file. Each text continues a sentence that begins with the file's name.
var (
	errForeign   = errors.New("is not a last known catalog of Legate's")
	errSchema    = errors.New("was written by another version of Legate")
	errNewer     = fmt.Errorf("%w, a newer one", errSchema)
	errTruncated = errors.New("is cut short")
	errChecksum  = errors.New("is damaged: its checksum is another one")
	errContent   = errors.New("contradicts itself")
)

// Decode reads what Encode wrote. It returns the whole catalog or an error.
func Decode(data []byte) (Header, catalog.Catalog, error) {
	fail := func(err error) (Header, catalog.Catalog, error) { return Header{}, catalog.Catalog{}, err }
	first, _, _ := bytes.Cut(data, []byte("\n"))
	version, ours := bytes.CutPrefix(first, []byte(Magic))
	if !ours {
		return fail(errForeign)
	}
	if v, err := strconv.ParseUint(string(version), 10, 32); err != nil || v < oldest || v > schema {
		other := errSchema
		if v > schema { // also one that is out of range
			other = errNewer
		}
		return fail(fmt.Errorf("%w: schema %.20q, this one reads %d to %d", other, version, oldest, schema))
	}
	end := bytes.LastIndexByte(bytes.TrimSuffix(data, []byte("\n")), '\n') + 1
	said, sealed := bytes.CutPrefix(data[end:], []byte(seal))
	if !sealed || len(said) != 2*sha256.Size+1 || said[2*sha256.Size] != '\n' {
		return fail(errTruncated)
	}
	if sum := sha256.Sum256(data[:end]); hex.EncodeToString(sum[:]) != string(said[:2*sha256.Size]) {
		return fail(errChecksum)
	}
	h, c, err := decodeLines(data[len(first)+1 : end])
	if err != nil {
		return fail(fmt.Errorf("%w: %w", errContent, err))
	}
	return h, c, nil
}

// decodeLines reads the header, the services and the entries. It checks the properties that discovery
// guarantees for a catalog, since readers rely on them whatever the source.
func decodeLines(lines []byte) (h Header, c catalog.Catalog, err error) {
	in := json.NewDecoder(bytes.NewReader(lines))
	in.DisallowUnknownFields()
	if err := in.Decode(&h); err != nil {
		return h, c, err
	}
	c = catalog.New()
	var last catalog.ServiceKey // the zero key sorts before all others
	for range h.Services {
		var s catalog.Service
		switch err := in.Decode(&s); {
		case err != nil:
			return h, c, ended(err, "services", len(c.Services), h.Services)
		case !h.has(s.Key.Site()):
			return h, c, fmt.Errorf("service %q is not of datacenter %q, nor of another site of the header", s.Key, h.Scope.Datacenter)
		case last.Compare(s.Key) >= 0:
			return h, c, fmt.Errorf("service %q is out of order", s.Key)
		case !slices.IsSortedFunc(s.Voters(), catalog.Instance.Compare):
			return h, c, fmt.Errorf("the instances of service %q are out of order", s.Key)
		case len(s.Instances) > 0 && len(s.Former) > 0:
			return h, c, fmt.Errorf("service %q has instances and former ones", s.Key)
		}
		c.Services[s.Key], last = s, s.Key
	}
	var before catalog.EntryKey
	for range h.Entries {
		var e catalog.Entry
		switch err := in.Decode(&e); {
		case err != nil:
			return h, c, ended(err, "config entries", len(c.Entries), h.Entries)
		case before.Compare(e.Key) >= 0:
			return h, c, fmt.Errorf("config entry %q is out of order", e.Key)
		}
		c.Entries[e.Key], before = e, e.Key
	}
	if in.More() {
		return h, c, fmt.Errorf("more than the %d services and %d config entries of its header", h.Services, h.Entries)
	}
	return h, c, nil
}

// ended is the error of a line that is not there, or cannot be read.
func ended(err error, what string, read, want int) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%d %s, its header says %d", read, what, want)
	}
	return err
}
