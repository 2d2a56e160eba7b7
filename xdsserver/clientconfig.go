package xdsserver

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	adminv3 "github.com/envoyproxy/go-control-plane/envoy/admin/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	statusv3 "github.com/envoyproxy/go-control-plane/envoy/service/status/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"legate/xdsserver/admission"
)

type xdsConfig = statusv3.ClientConfig_GenericXdsConfig

// detail is how much an answer says.
type detail int

// From most to least: each resource with its content, each resource, and each type with what is rejected of it.
const (
	withContents detail = iota
	byResource
	byType
)

// rowMemory is how much memory an answer takes while it is made, for each byte that is sent.
const rowMemory = 4

// clientStatus is the status of the clients that match: in as much detail as fits into one answer, which all gRPC clients
// can read.
func (s *Server) clientStatus(a *admission.Answer, which nodeMatcher, contents bool) (*statusv3.ClientStatusResponse, error) {
	records := s.callbacks.matching(which)
	pollers := slices.DeleteFunc(s.Pollers(), func(p Poller) bool { return !which(p.Node) })
	from := byResource
	if contents {
		from = withContents
	}
	for detail := from; detail <= byType; detail++ {
		b := &statusBuilder{most: s.config.MaxResponseBytes, answer: a, detail: detail}
		for _, r := range records {
			b.add(r.clientConfig(b))
		}
		for _, p := range pollers {
			b.add(p.clientConfig())
		}
		if b.err != nil {
			return nil, b.err
		}
		if !b.isFull() {
			return &statusv3.ClientStatusResponse{Config: b.all}, nil
		}
	}
	return nil, admission.Refuse(admission.LimitAnswerBytes, codes.ResourceExhausted, 0, "let that client name fewer nodes (node_matchers)",
		"the status of %d clients has more than %d bytes even if it has no resources: name fewer nodes with node_matchers, such as node_id: {prefix: ...}", len(records)+len(pollers), s.config.MaxResponseBytes)
}

// statusBuilder collects an answer until it is too large.
type statusBuilder struct {
	most   int
	answer *admission.Answer
	detail detail

	all  []*statusv3.ClientConfig
	size int
	err  error // there is no memory for more
}

func (b *statusBuilder) isFull() bool { return b.err != nil || b.size > b.most }

// room counts a part of the answer, and reports whether there was room for it.
func (b *statusBuilder) room(m proto.Message) bool {
	if b.isFull() {
		return false
	}
	b.size += proto.Size(m) + 2*messageHeader // at most, for what is around it
	if b.size <= b.most {
		b.err = b.answer.Grow(rowMemory * b.size)
	}
	return !b.isFull()
}

// add adds a client, whose resources are counted already.
func (b *statusBuilder) add(c *statusv3.ClientConfig) {
	if b.room(&statusv3.ClientConfig{Node: c.GetNode(), ClientScope: c.GetClientScope()}) {
		b.all = append(b.all, c)
	}
}

// matching are the records of the streams whose nodes match, by node id and in the order in which they were opened.
func (c *callbacks) matching(which nodeMatcher) (all []*streamRecord) {
	for _, r := range c.records() {
		r.mu.Lock()
		matches := r.node != nil && which(r.id)
		r.mu.Unlock()
		if matches {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b *streamRecord) int {
		return cmp.Or(strings.Compare(a.id, b.id), a.opened.Compare(b.opened), strings.Compare(a.stream.ID, b.stream.ID)) // an id stays
	})
	return all
}

// clientConfig is the status of a stream.
func (r *streamRecord) clientConfig(b *statusBuilder) *statusv3.ClientConfig {
	is := r.status(nil)
	c := &statusv3.ClientConfig{
		Node:        &corev3.Node{Id: is.Node, Cluster: is.Cluster, UserAgentName: is.Agent},
		ClientScope: fmt.Sprintf("stream %s from %s", is.ID, is.Peer),
	}
	if is.Identity != "" {
		c.ClientScope += ", certificate " + is.Identity
	}
	r.mu.Lock()
	st, ss := r.store, r.session
	r.mu.Unlock()
	if b.detail != byType && ss != nil {
		c.GenericXdsConfigs = ss.resourceConfigs(st, r.rejections(), b)
		return c
	}
	for _, t := range is.Types {
		for _, row := range t.configs() {
			if b.room(row) {
				c.GenericXdsConfigs = append(c.GenericXdsConfigs, row)
			}
		}
	}
	return c
}

// configs are the status of a type, whose row has no name, and of what is rejected of it.
func (t TypeStatus) configs() []*xdsConfig {
	of := &xdsConfig{TypeUrl: t.Type, VersionInfo: cmp.Or(t.SentVersion, t.AckedVersion)}
	t.State.tell(of, t.Since, t.Rejection)
	rows := []*xdsConfig{of}
	for name, why := range t.Rejected {
		row := &xdsConfig{TypeUrl: t.Type, Name: name}
		Nacked.tell(row, t.Since, why)
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b *xdsConfig) int { return strings.Compare(a.GetName(), b.GetName()) })
	return rows
}

// clientConfig is the status of a node that polls.
func (p Poller) clientConfig() *statusv3.ClientConfig {
	c := &statusv3.ClientConfig{Node: &corev3.Node{Id: p.Node}, ClientScope: "polls from " + p.Address}
	for _, t := range p.Types {
		row := &xdsConfig{TypeUrl: t.Type}
		t.State.tell(row, t.Since, "")
		c.GenericXdsConfigs = append(c.GenericXdsConfigs, row)
	}
	return c
}

// tell writes a state into a row: as Legate knows it, and as the client has answered.
func (s State) tell(row *xdsConfig, since time.Time, why string) {
	row.LastUpdated = timestamppb.New(since)
	switch s {
	case Synced:
		row.ConfigStatus, row.ClientStatus = statusv3.ConfigStatus_SYNCED, adminv3.ClientResourceStatus_ACKED
	case Stale:
		row.ConfigStatus, row.ClientStatus = statusv3.ConfigStatus_STALE, adminv3.ClientResourceStatus_REQUESTED
	case NotSent:
		row.ConfigStatus, row.ClientStatus = statusv3.ConfigStatus_NOT_SENT, adminv3.ClientResourceStatus_REQUESTED
	case Nacked:
		row.ConfigStatus, row.ClientStatus = statusv3.ConfigStatus_ERROR, adminv3.ClientResourceStatus_NACKED
		row.ErrorState = &adminv3.UpdateFailureState{Details: why, LastUpdateAttempt: row.LastUpdated, VersionInfo: row.VersionInfo}
	}
}

// resourceConfigs are the status of each resource that the client asks for, in the order in which types are sent and then
// of names, as far as there is room. why has what the client said last of each type.
func (ss *session) resourceConfigs(st *store, why map[string]string, b *statusBuilder) (rows []*xdsConfig) {
	for i, t := range st.tables {
		if b.isFull() {
			break
		}
		from := len(rows)
		for _, is := range ss.standingsOf(st, i, why[t.typeURL]) {
			row := is.config(t.typeURL, b.detail)
			if !b.room(row) {
				break
			}
			rows = append(rows, row)
		}
		slices.SortFunc(rows[from:], func(a, b *xdsConfig) int { return strings.Compare(a.GetName(), b.GetName()) })
	}
	return rows
}

// config is the row of a resource.
func (is *resourceStanding) config(typeURL string, detail detail) *xdsConfig {
	row := &xdsConfig{TypeUrl: typeURL, Name: is.name}
	if is.res != nil {
		row.VersionInfo = is.res.version
	}
	is.state.tell(row, is.changed, is.why)
	switch {
	case is.changed.IsZero():
		row.LastUpdated = nil // it never was
	case row.ErrorState != nil && is.since != 0:
		row.ErrorState.LastUpdateAttempt = timestamppb.New(instant(is.since))
	}
	if is.res == nil && is.state == Synced {
		row.ClientStatus = adminv3.ClientResourceStatus_DOES_NOT_EXIST
	}
	if is.res != nil && detail == withContents {
		row.XdsConfig = is.res.message.GetResource()
	}
	return row
}
