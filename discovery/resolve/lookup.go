package resolve

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"

	"legate/internal/files"
)

// kind is how a query ended, the best first.
type kind uint8

const (
	answered kind = iota
	silent        // nobody answered in time
	failed        // SERVFAIL, REFUSED and the like
	empty         // the name is there, without addresses
	denied        // NXDOMAIN
)

// String is the kind as a metric has it.
func (k kind) String() string {
	return [...]string{"answered", "silent", "failed", "empty", "nxdomain"}[k]
}

// why is the kind in words for people; empty for an answer.
func (k kind) why() string {
	return [...]string{"", "no DNS server answers for it", "the DNS servers answer with a failure",
		"DNS has no address for it", "DNS says that it does not exist (NXDOMAIN)"}[k]
}

// outcome is the result of one query about a name.
type outcome struct {
	kind      kind
	addresses []netip.Addr // sorted; of one family
	ttl       time.Duration
	detail    string // which server said what, unless it answered
}

// lookup resolves a name: by the hosts file, then by DNS.
type lookup struct {
	cfg    Config
	hosts  *files.Value[map[string][]netip.Addr]
	resolv *files.Value[*dns.ClientConfig]
}

func newLookup(cfg Config) *lookup {
	return &lookup{
		cfg:    cfg,
		hosts:  followed(cfg.HostsFile, parseHosts),
		resolv: followed(cfg.ResolvConf, parseResolv),
	}
}

// of resolves a host name. With the search domains of resolv.conf it may stand for several names; the
// first that has addresses counts. If none has, the best outcome counts: a failure may pass, so it is
// better than a denial.
func (l *lookup) of(ctx context.Context, host string) outcome {
	if addresses := listed(l.hosts.Now(), host); len(addresses) > 0 {
		return outcome{kind: answered, addresses: addresses}
	}
	conf := l.resolv.Now()
	if conf == nil { // the disk hangs
		conf = parseResolv(nil)
	}
	best := outcome{kind: denied}
	for i, name := range conf.NameList(host) {
		o := l.resolve(ctx, name, l.servers(conf))
		if o.kind == answered {
			return o
		}
		if i == 0 || o.kind < best.kind {
			best = o
		}
	}
	return best
}

func (l *lookup) servers(conf *dns.ClientConfig) []string {
	var out []string
	for _, s := range l.cfg.Servers {
		if at, err := serverAddress(s); err == nil { // Validate has said it
			out = append(out, at)
		}
	}
	if len(out) > 0 {
		return out
	}
	for _, s := range conf.Servers {
		out = append(out, net.JoinHostPort(s, conf.Port))
	}
	return out
}

// resolve asks for IPv4 addresses, and for IPv6 ones only if the name has no IPv4 address.
func (l *lookup) resolve(ctx context.Context, name string, servers []string) outcome {
	o := l.ask(ctx, name, dns.TypeA, servers)
	if o.kind != empty {
		return o
	}
	if o = l.ask(ctx, name, dns.TypeAAAA, servers); o.kind == denied { // the name is there
		o.kind = empty
	}
	return o
}

// ask asks one server after the other until one answers, or denies the name.
func (l *lookup) ask(ctx context.Context, name string, record uint16, servers []string) (o outcome) {
	for range l.cfg.Tries {
		for _, server := range servers {
			if ctx.Err() != nil {
				return o
			}
			if o = l.exchange(ctx, server, name, record); o.kind != silent && o.kind != failed {
				return o
			}
		}
	}
	return o
}

// longAnswer is how many bytes an answer has, written without compression, from which on it is asked for
// over TCP, too. Some servers, Consul's among them, leave out at random what does not fit into a
// datagram, and do not say so. It is what a datagram had before EDNS.
const longAnswer = 512

// exchange asks one server: over TCP if the answer does not fit into a datagram, or if it is so long that
// something may be missing. Without TCP what came counts.
func (l *lookup) exchange(ctx context.Context, server, name string, record uint16) outcome {
	question := new(dns.Msg).SetQuestion(name, record)
	question.SetEdns0(datagram, false)
	answer, err := l.over(ctx, "udp", server, question)
	if err == nil && (answer.Truncated || answer.Len() > longAnswer) {
		if whole, failed := l.over(ctx, "tcp", server, question); failed == nil || answer.Truncated {
			answer, err = whole, failed
		}
	}
	switch {
	case err != nil:
		return outcome{kind: silent, detail: fmt.Sprintf("server %s: %v", server, err)}
	case !answer.Response || len(answer.Question) != 1 || answer.Question[0].Qtype != record || !strings.EqualFold(answer.Question[0].Name, name):
		return outcome{kind: failed, detail: fmt.Sprintf("server %s answers another question", server)}
	case answer.Rcode == dns.RcodeNameError:
		return outcome{kind: denied, detail: fmt.Sprintf("server %s: NXDOMAIN", server)}
	case answer.Rcode != dns.RcodeSuccess:
		return outcome{kind: failed, detail: fmt.Sprintf("server %s: %s", server, dns.RcodeToString[answer.Rcode])}
	}
	return read(answer, server)
}

// datagram is the size in bytes that passes everywhere in one piece: https://dnsflagday.net/2020.
const datagram = 1232

// over sends a question over udp or tcp. It ends with ctx, for which the library does not wait.
func (l *lookup) over(ctx context.Context, network, server string, question *dns.Msg) (*dns.Msg, error) {
	client := dns.Client{Net: network, Timeout: l.cfg.Timeout, UDPSize: datagram}
	conn, err := client.DialContext(ctx, server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	answer, _, err := client.ExchangeWithConn(question, conn)
	return answer, err
}

// read takes the addresses out of an answer. They may stand at the end of a chain of aliases (CNAME). The
// time to live is the shortest of all records in the answer.
func read(answer *dns.Msg, server string) outcome {
	o := outcome{kind: empty, detail: fmt.Sprintf("server %s has no address for it", server)}
	for i, rr := range answer.Answer {
		if ttl := time.Duration(rr.Header().Ttl) * time.Second; i == 0 || ttl < o.ttl {
			o.ttl = ttl
		}
		var raw net.IP
		switch rr := rr.(type) {
		case *dns.A:
			raw = rr.A
		case *dns.AAAA:
			raw = rr.AAAA
		case *dns.CNAME:
			o.detail = fmt.Sprintf("server %s says that it is an alias of %q, and has no address for that: does it ask other servers (recursors)?", server, rr.Target)
		}
		if a, ok := netip.AddrFromSlice(raw); ok {
			o.addresses = append(o.addresses, a.Unmap())
		}
	}
	if len(o.addresses) > 0 {
		o.kind, o.detail, o.addresses = answered, "", sorted(o.addresses)
	}
	return o
}
