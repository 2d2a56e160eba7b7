package xdsserver

import (
	"fmt"
	"strings"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"legate/translate"
)

// An Envoy outside of ADS gets its clusters on a stream of their own (CDS), and has no aggregated
// stream. The usual clusters are of no use to it, since their assignments come over ADS: it rejects
// them. If it is sent the same cluster again, it acknowledges it, and lets it warm for ever.
//
// Such an Envoy can use clusters whose assignments come from a cluster of its own bootstrap: the one
// by which it reaches Legate. Only the Envoy knows the name of that cluster. If the node's metadata
// has it, the Envoy gets a view of its own, which is derived from the usual one: the same clusters
// with that source.

// sourceKey is the field of a node's metadata that names the bootstrap cluster by which it reaches
// Legate.
const sourceKey = "legate_xds_cluster"

// sourceOf returns the source that a node's metadata names for what its resources bring along. It is empty
// for a node without one, and on aggregated streams, which need none.
func sourceOf(node *corev3.Node, only, protocol string) translate.Source {
	name := sourceName(node)
	if t := typeOf(only); t == nil || t.outside == nil || name == "" {
		return translate.Source{}
	}
	return translate.Source{Cluster: name, Incremental: protocol == deltaProtocol}
}

func sourceName(node *corev3.Node) string {
	name := node.GetMetadata().GetFields()[sourceKey].GetStringValue()
	if len(name) > maxName {
		return ""
	}
	return name
}

// maxDerived bounds how many views clients can create by what their nodes' metadata say.
const maxDerived = 8

// joinDerived gives a stream a slot in the view with this source. The view is made if there is none yet. If
// there are too many such views, the stream gets the usual one.
func (s *Server) joinDerived(from *store, source translate.Source, typeURL, node string, wake func()) (*store, int) {
	s.publishing.Lock()
	defer s.publishing.Unlock()
	view := from.view
	view.Source = source
	s.mu.RLock()
	st, others := s.stores[view], len(s.derivedOf(from.view))
	s.mu.RUnlock()
	switch {
	case st != nil:
	case others >= maxDerived:
		s.repeats.add("too many kinds of clients outside of ADS, this one is served as all others", typeURL, "", node,
			fmt.Sprintf("it names the cluster %q; there may be %d different ones", sane(source.Cluster), maxDerived),
			"let all of them call the cluster by which they reach Legate alike, or use ADS")
		st = from
	default:
		st = s.newStore(view)
		st.publish(s.derive(source, translate.Batch{Set: from.resources()}), time.Now())
		s.mu.Lock()
		s.stores[view] = st
		s.mu.Unlock()
	}
	return st, st.attach(wake)
}

// publishDerived applies a batch to the views that are derived from a store's, and forgets those
// without streams.
func (s *Server) publishDerived(from *store, batch translate.Batch, now time.Time) {
	s.mu.RLock()
	derived := s.derivedOf(from.view)
	s.mu.RUnlock()
	for _, st := range derived {
		if st.status().Streams == 0 {
			s.mu.Lock()
			delete(s.stores, st.view)
			s.mu.Unlock()
			continue
		}
		st.publish(s.derive(st.view.Source, batch), now)
	}
}

// derivedOf lists the views that are derived from another. It needs the lock.
func (s *Server) derivedOf(view View) []*store {
	var derived []*store
	for v, st := range s.stores {
		if v.Source != (translate.Source{}) && v.Datacenter == view.Datacenter && v.Kind == view.Kind {
			derived = append(derived, st)
		}
	}
	return derived
}

// derive returns the batch of a derived view: the resources that name a source, with this one instead of
// ADS.
func (s *Server) derive(source translate.Source, batch translate.Batch) translate.Batch {
	out := translate.Batch{Gone: batch.Gone, Since: batch.Since}
	for _, r := range batch.Set {
		t := typeOf(r.Type)
		if t == nil || t.outside == nil {
			continue
		}
		followed, err := t.outside(source, r)
		if err != nil {
			s.log.Error("resource not served outside of ADS", "type", r.Type, "name", r.Name.Name, "error", err)
			continue
		}
		out.Set = append(out.Set, followed)
	}
	return out
}

// What Envoy says when it can use no cluster that it is sent, and the remedies.
const (
	withoutADS     = "ADS must be configured"
	withoutCluster = "statically defined non-EDS cluster"

	useADS = `this Envoy asks for clusters outside of ADS and cannot follow them: let it use ADS (ads_config, and cds_config with ads: {}, as "legate bootstrap envoy" writes them), ` +
		"or say in its node's metadata by which of its clusters it reaches Legate: " + sourceKey
	nameCluster = sourceKey + " in this Envoy's node metadata must be a static cluster of its bootstrap, the one by which it reaches Legate"
)

// remedyOf is the remedy for a rejection that no change of a service can end; empty for all others.
func remedyOf(rejection string) string {
	switch {
	case strings.Contains(rejection, withoutADS):
		return useADS
	case strings.Contains(rejection, withoutCluster):
		return nameCluster
	}
	return ""
}
