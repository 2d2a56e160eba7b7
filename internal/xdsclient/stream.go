package xdsclient

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"

	"legate/translate"
)

// stream is one stream of a client.
type stream struct {
	client *Client
	tell   func(Event) error
	again  bool // there was one before

	wire    discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesClient
	asked   map[string]bool         // assignments that it is subscribed to
	waiting map[translate.Name]bool // asked for at the start and not answered
	opened  bool
	heard   bool  // something was received
	fatal   error // ends the client, too
}

// wildcard asks for all resources of a type.
const wildcard = "*"

// run is the stream's life. It returns why it ended.
func (s *stream) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wire, end, err := s.client.open(ctx)
	if err != nil {
		return err
	}
	defer end()
	s.wire, s.opened = wire, true
	s.asked, s.waiting = map[string]bool{}, map[translate.Name]bool{}
	if err := s.say(Connected{s.again}); err != nil {
		return err
	}
	err = s.begin()
	for err == nil {
		err = s.next()
	}
	if s.fatal == nil && errors.Is(err, io.EOF) { // of sending: receiving says why
		for err = nil; err == nil; {
			_, err = wire.Recv()
		}
	}
	return err
}

// say tells the caller, whose error ends everything.
func (s *stream) say(e Event) error {
	err := s.tell(e)
	if err != nil {
		s.fatal = err
	}
	return err
}

// begin subscribes: to the clusters first, with the versions that the client holds.
func (s *stream) begin() error {
	names, assignments := []string{wildcard}, s.assignmentsOfHeld()
	if given := s.client.cfg.Names; len(given) > 0 {
		names, assignments = given, given
		for _, name := range given {
			s.await(translate.ClusterType, name)
		}
	} else {
		s.waiting[translate.Name{Type: translate.ClusterType, Name: wildcard}] = true
	}
	err := s.wire.Send(&discoveryv3.DeltaDiscoveryRequest{
		Node: s.client.cfg.Node, TypeUrl: translate.ClusterType,
		ResourceNamesSubscribe: names, InitialResourceVersions: s.client.held.versions(translate.ClusterType),
	})
	if err == nil && len(assignments) > 0 {
		err = s.subscribe(assignments, s.client.held.versions(translate.AssignmentType))
	}
	return err
}

// await notes that an answer is due, unless the client may be told nothing because it has the resource.
func (s *stream) await(typeURL, name string) {
	if e := s.client.held.by[name]; e.of(typeURL).value == nil {
		s.waiting[translate.Name{Type: typeURL, Name: name}] = true
	}
}

// maxNames is how many names a request has, so that it stays small.
const maxNames = 5000

// subscribe asks for assignments. The versions go with the first request of a stream.
func (s *stream) subscribe(names []string, have map[string]string) error {
	for part := range slices.Chunk(names, maxNames) {
		for _, name := range part {
			s.asked[name] = true
			s.await(translate.AssignmentType, name)
		}
		if err := s.wire.Send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: translate.AssignmentType, ResourceNamesSubscribe: part, InitialResourceVersions: have}); err != nil {
			return err
		}
		have = nil
	}
	return nil
}

// assignmentsOfHeld are the names of the assignments that the clusters held take their endpoints from.
func (s *stream) assignmentsOfHeld() (names []string) {
	for _, state := range s.client.held.all() {
		if name := assignmentOf(state.Cluster); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// assignmentOf is the name of the assignment from which a cluster takes its endpoints; empty if it takes
// them from elsewhere.
func assignmentOf(cluster []byte) string {
	var c clusterv3.Cluster
	if proto.Unmarshal(cluster, &c) != nil || c.GetType() != clusterv3.Cluster_EDS || c.GetClusterType() != nil {
		return ""
	}
	if name := c.GetEdsClusterConfig().GetServiceName(); name != "" {
		return name
	}
	return c.GetName()
}

// next takes in a response, accepts it, and tells what it changed.
func (s *stream) next() error {
	m, err := s.wire.Recv()
	if err != nil {
		return err
	}
	s.heard = true
	if err := s.take(m); err != nil {
		return err
	}
	if err := s.wire.Send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: m.GetTypeUrl(), ResponseNonce: m.GetNonce()}); err != nil {
		return err
	}
	if m.GetTypeUrl() == translate.ClusterType {
		if err := s.follow(); err != nil {
			return err
		}
	}
	if changes := s.client.held.changes(); len(changes) > 0 {
		if err := s.say(changes); err != nil {
			return err
		}
	}
	return s.settle()
}

// take takes the resources of a response in. Those that nobody asked for, or does no more, are left out.
func (s *stream) take(m *discoveryv3.DeltaDiscoveryResponse) error {
	typeURL := m.GetTypeUrl()
	if typeURL != translate.ClusterType && typeURL != translate.AssignmentType {
		return nil
	}
	delete(s.waiting, translate.Name{Type: typeURL, Name: wildcard})
	put := func(name string, r resource) error {
		delete(s.waiting, translate.Name{Type: typeURL, Name: name})
		if typeURL == translate.AssignmentType && !s.asked[name] {
			return nil
		}
		err := s.client.held.put(typeURL, name, r)
		if err != nil {
			s.fatal = err
		}
		return err
	}
	for _, r := range m.GetResources() {
		value := r.GetResource().GetValue()
		if value == nil {
			value = []byte{} // a message in which nothing is set
		}
		if err := put(r.GetName(), resource{r.GetVersion(), value}); err != nil {
			return err
		}
	}
	for _, name := range m.GetRemovedResources() {
		if err := put(name, resource{}); err != nil {
			return err
		}
	}
	return nil
}

// follow subscribes to the assignments of clusters that have come, and drops those of clusters that are
// gone. Who named services has subscribed to theirs.
func (s *stream) follow() error {
	if len(s.client.cfg.Names) > 0 {
		return nil
	}
	var come, gone []string
	for name, before := range s.client.held.before {
		was, is := assignmentOf(before.cluster.value), assignmentOf(s.client.held.by[name].cluster.value)
		if was != is && s.asked[was] {
			gone = append(gone, was)
		}
		if is != "" && !s.asked[is] {
			come = append(come, is)
		}
	}
	slices.SortFunc(come, strings.Compare)
	for _, name := range gone {
		delete(s.asked, name)
		delete(s.waiting, translate.Name{Type: translate.AssignmentType, Name: name})
		if err := s.client.held.put(translate.AssignmentType, name, resource{}); err != nil {
			return err
		}
	}
	for part := range slices.Chunk(gone, maxNames) {
		if err := s.wire.Send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: translate.AssignmentType, ResourceNamesUnsubscribe: part}); err != nil {
			return err
		}
	}
	return s.subscribe(come, nil)
}

// settle tells once that everything is there.
func (s *stream) settle() error {
	if s.client.synced || len(s.waiting) > 0 {
		return nil
	}
	s.client.synced = true
	var missing []string
	for _, name := range s.client.cfg.Names {
		if s.client.held.by[name].cluster.value == nil {
			missing = append(missing, name)
		}
	}
	return s.say(Synced{missing})
}
