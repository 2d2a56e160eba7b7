package xdsserver

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

// guarded is a stream as its session sees it: requests are within the limits and name the node
// that the stream began with, and a send that is stuck ends.
type guarded struct {
	grpc.ServerStream
	origin
	within *admission
	conn   *connection
	intake intake
	node   *corev3.Node // of who receives: the first that was named, for good

	// of the admission, under its lock
	visitor *visitor
	key     nodeKey
	counted bool
	left    bool
}

// SendMsg waits for a client that does not take in what it was sent, but not for ever.
func (g *guarded) SendMsg(m any) error {
	f, counts := m.(*frame)
	if !counts {
		return g.ServerStream.SendMsg(m)
	}
	if err := g.taken(waitingMost); err != nil {
		return err
	}
	f.buffers = g.intake.send(f.buffers)
	return g.ServerStream.SendMsg(f)
}

// RecvMsg returns requests that are within the limits, each with the node of the stream.
func (g *guarded) RecvMsg(m any) error {
	if err := g.ServerStream.RecvMsg(m); err != nil {
		if g.conn.stuck.Load() {
			return errStuck
		}
		if status.Code(err) == codes.ResourceExhausted { // gRPC has told the client already, and ends the stream
			return excessf(limitMessageBytes, codes.ResourceExhausted, 0, "raise xds.max_message_bytes if this is a client of yours", "%s", status.Convert(err).Message())
		}
		return err
	}
	switch r := m.(type) {
	case *sotwRequest:
		return g.check(r.message.GetTypeUrl(), &r.message.Node)
	case *discoveryv3.DiscoveryRequest:
		return g.check(r.GetTypeUrl(), &r.Node)
	case *discoveryv3.DeltaDiscoveryRequest:
		return g.check(r.GetTypeUrl(), &r.Node)
	}
	return nil // of another service
}

// check refuses a request that is beyond the limits; its names are checked where they are kept.
func (g *guarded) check(typeURL string, node **corev3.Node) error {
	if err := checkType(typeURL); err != nil {
		return err
	}
	return g.pin(node)
}

// maxTypeURL bounds what is kept of a type while a stream is open.
const maxTypeURL = 256

func checkType(typeURL string) error {
	if len(typeURL) <= maxTypeURL {
		return nil
	}
	return excessf(limitNames, codes.InvalidArgument, 0, lookAtClient, "a type URL has %d bytes, the most is %d", len(typeURL), maxTypeURL)
}

const lookAtClient = "look what this client does"

// pin puts the stream's node in the place of whatever a request says: identity and view are
// those of the first one.
func (g *guarded) pin(node **corev3.Node) error {
	said := *node
	switch {
	case g.node != nil:
		if said != nil && differs(said, g.node) {
			g.within.changed()
		}
	case said != nil:
		if err := checkNode(said, g.within.limits); err != nil {
			return err
		}
		if err := g.within.enterNode(g, said.GetId()); err != nil {
			return err
		}
		g.node = essence(said)
	}
	*node = g.node
	return nil
}

// checkNode refuses what nobody needs in order to be told apart.
func checkNode(n *corev3.Node, limits Limits) error {
	if size := len(n.GetId()); size > limits.NodeIDBytes {
		return excessf(limitNodeIDBytes, codes.InvalidArgument, 0, "give that client a shorter node id, or raise xds.max_node_id_bytes",
			"the node's id has %d bytes, the most is %d", size, limits.NodeIDBytes)
	}
	if size := proto.Size(n); size > limits.NodeBytes {
		return excessf(limitNodeBytes, codes.ResourceExhausted, 0, "take metadata out of that client's node, or raise xds.max_node_bytes",
			"the node has %d bytes, the most is %d", size, limits.NodeBytes)
	}
	return nil
}

// essence is what Legate needs of a node, without its extensions and most of its metadata, which are large.
func essence(n *corev3.Node) *corev3.Node {
	e := &corev3.Node{Id: n.GetId(), Cluster: n.GetCluster(), UserAgentName: n.GetUserAgentName()}
	if kindOf(n) == GRPC {
		e.ClientFeatures = []string{noOverprovisioning}
	}
	if name := sourceName(n); name != "" {
		e.Metadata = &structpb.Struct{Fields: map[string]*structpb.Value{sourceKey: structpb.NewStringValue(name)}}
	}
	return e
}

func differs(said, pinned *corev3.Node) bool {
	return said.GetId() != pinned.GetId() || said.GetCluster() != pinned.GetCluster() || said.GetUserAgentName() != pinned.GetUserAgentName()
}
