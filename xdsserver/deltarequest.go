package xdsserver

import (
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
)

// deltaRequest is an incremental request whose names are not decoded.
type deltaRequest struct {
	message         discoveryv3.DeltaDiscoveryRequest // but for the names
	wanted, dropped nameList                          // they lie in whole
	whole           *[]byte
}

// decode reads a request. It has the bytes from then on.
func (r *deltaRequest) decode(whole *[]byte, seen scanner) error {
	b := *whole
	if err := seen.finish(b); err != nil {
		return err
	}
	r.whole = whole
	r.wanted = seen.wanted.names(b, seen.names)
	r.dropped = seen.unwanted.names(b, seen.dropped)
	if !seen.others { // nothing else is in an acknowledgement
		var err error
		if r.message.TypeUrl, err = text(b, seen.texts.typeURL); err == nil {
			r.message.ResponseNonce, err = text(b, seen.texts.nonce)
		}
		return err
	}
	for part := range beside(b, seen.wanted, seen.unwanted) {
		if err := unmarshal(part, deltaRequestShape, &r.message); err != nil {
			return err
		}
	}
	return nil
}
