package xdsserver

import (
	"strings"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"legate/translate"
)

// An Envoy may ask for clusters on a stream of their own, and have no aggregated one. The usual
// clusters, whose assignments come over the aggregated stream, are of no use to it: it rejects
// them. When it is sent one again it says that it takes it, and lets it warm for ever.
//
// Such an Envoy can follow clusters that name a cluster of its bootstrap as the source of their
// assignments. Only the Envoy knows that name; where its node's metadata says it, its view has such
// clusters.

// sourceKey is the field of a node's metadata that names the cluster of its bootstrap by which it
// reaches Legate.
const sourceKey = "legate_xds_cluster"

// sourceOf is from where a node on a stream for this type only is to get its assignments.
func sourceOf(node *corev3.Node, only, protocol string) translate.Source {
	name := sourceName(node)
	if only != translate.ClusterType || name == "" {
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

// maxDerived bounds the views that clients can have made by what their nodes say.
const maxDerived = 8

// joinDerived gives a stream its slot in the view with this source, which is made if there is none.
// If there are too many such views, it is the usual one.
func (s *Server) joinDerived(from *store, source translate.Source, wake chan<- struct{}) (*store, int) {
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
		s.log.Warn("too many kinds of clients outside of ADS, this one is served as all others", "cluster", sane(source.Cluster),
			"most", maxDerived, "remedy", "let all of them call the cluster by which they reach Legate alike, or use ADS")
		st = from
	default:
		st = newStore(view)
		st.tellVain = s.metrics.InVain
		st.publish(s.derive(source, translate.Batch{Set: from.resources()}), time.Now())
		s.mu.Lock()
		s.stores[view] = st
		s.mu.Unlock()
	}
	return st, st.join(wake)
}

// publishDerived applies a batch to the views that are derived from another, and forgets those that
// nobody has any more.
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

// derive makes the clusters of a batch follow a source. They are all that such a view has.
func (s *Server) derive(source translate.Source, batch translate.Batch) translate.Batch {
	out := translate.Batch{Gone: batch.Gone, Since: batch.Since}
	for _, r := range batch.Set {
		if r.Type != translate.ClusterType {
			continue
		}
		followed, err := source.Of(r)
		if err != nil {
			s.log.Error("cluster not served outside of ADS", "name", r.Name.Name, "error", err)
			continue
		}
		out.Set = append(out.Set, followed)
	}
	return out
}

// What Envoy says when it can follow no cluster that it is sent, and what helps then.
const (
	withoutADS     = "ADS must be configured"
	withoutCluster = "statically defined non-EDS cluster"

	useADS = `this Envoy asks for clusters outside of ADS and cannot follow them: let it use ADS (ads_config, and cds_config with ads: {}, as "legate bootstrap envoy" writes them), ` +
		"or say in its node's metadata by which of its clusters it reaches Legate: " + sourceKey
	nameCluster = sourceKey + " in this Envoy's node metadata must be a static cluster of its bootstrap, the one by which it reaches Legate"
)

// remedyOf is what helps against a rejection that no change of a service ends; empty for any other.
func remedyOf(rejection string) string {
	switch {
	case strings.Contains(rejection, withoutADS):
		return useADS
	case strings.Contains(rejection, withoutCluster):
		return nameCluster
	}
	return ""
}
