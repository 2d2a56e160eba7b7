package xdsserver

import (
	"fmt"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"legate/translate"
)

func TestAViewIsServedWithItsFirstBatchOrNotAtAll(t *testing.T) {
	s := newStage(t)
	s.set(service("web", 1)...)
	var whole translate.Batch
	for i := range 20_000 {
		whole.Set = append(whole.Set, cluster(fmt.Sprint("s-", i), 1))
	}
	published := make(chan struct{})
	go func() {
		defer close(published)
		s.Publish(View{Datacenter: own.Datacenter, Kind: GRPC}, whole)
	}()
	defer func() { <-published }()
	for {
		st, err := s.storeFor(&corev3.Node{UserAgentName: "gRPC Go"})
		if err != nil {
			continue // there is no such view yet
		}
		if n := st.sizes()[cds]; n != len(whole.Set) {
			t.Errorf("a node of a new view finds %d of %d clusters", n, len(whole.Set))
		}
		return
	}
}
