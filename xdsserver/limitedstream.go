package xdsserver

import (
	"context"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"legate/xdsserver/admission"
)

// limitedStream is a stream within the limits. Its requests have the node that the stream began with, and a send
// does not wait for ever for a client that takes nothing in.
type limitedStream struct {
	grpc.ServerStream
	ctx      context.Context // the stream's, which leads to this
	within   *interceptor
	admitted *admission.Stream
	intake   intake
	inbox    inbox
	node     *corev3.Node // the first that a request named; only the goroutine that receives uses it
}

// limitedStreamKey is the key of a limitedStream in its context.
type limitedStreamKey struct{}

// Context is the stream's.
func (l *limitedStream) Context() context.Context { return l.ctx }

// limitedStreamOf returns the stream of a context. Every stream passes the admission, so there is one.
func limitedStreamOf(ctx context.Context) *limitedStream {
	return ctx.Value(limitedStreamKey{}).(*limitedStream)
}

// SendMsg waits until the client has taken in most of what it was sent before, up to the limit for that.
func (l *limitedStream) SendMsg(m any) error {
	f, counts := m.(*frame)
	if !counts {
		return l.ServerStream.SendMsg(m)
	}
	if err := l.taken(waitingMost); err != nil {
		return err
	}
	if err := l.intake.charge(f.charge); err != nil {
		return err
	}
	f.buffers = l.intake.send(f.buffers)
	return l.ServerStream.SendMsg(f)
}

// wouldWait reports whether SendMsg would wait for the client to take in what it was sent.
func (l *limitedStream) wouldWait() bool { return l.intake.waiting.Load() >= waitingMost }

// RecvMsg returns requests that are within the limits, each with the node of the stream.
func (l *limitedStream) RecvMsg(m any) error {
	seen := scanner{limits: &l.within.limits, most: l.within.names}
	switch r := m.(type) {
	case *sotwRequest: // which has the bytes from then on
		seen.fields = sotwFields
		message, err := l.receive(&seen)
		if err == nil {
			err = r.decode(message, seen)
		}
		if err != nil {
			return err
		}
		return l.pin(&r.message.Node)
	case *deltaRequest: // and so has this
		seen.fields = deltaFields
		message, err := l.receive(&seen)
		if err == nil {
			err = r.decode(message, seen)
		}
		if err != nil {
			return err
		}
		return l.pin(&r.message.Node)
	case *discoveryv3.DiscoveryRequest:
		seen.fields = sotwFields
		if err := l.decode(r, seen, fetchShape); err != nil {
			return err
		}
		return l.pin(&r.Node)
	}
	return l.decode(m.(proto.Message), seen, nil) // of another service
}

// decode receives a message. If there is a shape, only the fields in it are decoded.
func (l *limitedStream) decode(m proto.Message, seen scanner, s *shape) error {
	message, err := l.receive(&seen)
	if err != nil {
		return err
	}
	defer l.within.reuse(message)
	if err := seen.finish(*message); err != nil {
		return err
	}
	return unmarshal(*message, s, m)
}

// maxTypeURL bounds what is kept of a type while a stream is open.
const maxTypeURL = 256

func checkType(size int) error {
	if size <= maxTypeURL {
		return nil
	}
	return admission.Refuse(admission.LimitNames, codes.InvalidArgument, 0, admission.LookAtClient, "a type URL has %d bytes, the most is %d", size, maxTypeURL)
}

// pin replaces the node of a request by that of the stream's first request, which decided its identity and
// its view.
func (l *limitedStream) pin(node **corev3.Node) error {
	said := *node
	switch {
	case l.node != nil:
		if said != nil && differs(said, l.node) {
			l.within.nodeChanged()
		}
	case said != nil:
		if err := checkNode(said, &l.within.limits); err != nil {
			return err
		}
		if err := l.admitted.AdmitNode(said.GetId()); err != nil {
			return err
		}
		l.node = essence(said)
	}
	*node = l.node
	return nil
}

// checkNode refuses nodes with more than any client needs.
func checkNode(n *corev3.Node, limits *admission.Limits) error {
	if size := len(n.GetId()); size > limits.NodeIDBytes {
		return admission.Refuse(admission.LimitNodeIDBytes, codes.InvalidArgument, 0, "give that client a shorter node id, or raise xds.max_node_id_bytes",
			"the node's id has %d bytes, the most is %d", size, limits.NodeIDBytes)
	}
	return checkNodeBytes(proto.Size(n), limits)
}

func checkNodeBytes(size int, limits *admission.Limits) error {
	if size <= limits.NodeBytes {
		return nil
	}
	return admission.Refuse(admission.LimitNodeBytes, codes.ResourceExhausted, 0, "take metadata out of that client's node, or raise xds.max_node_bytes",
		"the node has %d bytes, the most is %d", size, limits.NodeBytes)
}

// essence returns what Legate needs of a node, without its extensions and most of its metadata, which are
// large.
func essence(n *corev3.Node) *corev3.Node {
	e := &corev3.Node{Id: n.GetId(), Cluster: n.GetCluster(), UserAgentName: n.GetUserAgentName(), Locality: localityOf(n)}
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
