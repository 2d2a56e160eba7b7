package translate

import (
	"time"

	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"legate/translate/policy"
)

// What a policy does not say stays unset in Envoy's messages, so that Envoy's own default holds.

func span(d *policy.Duration) *durationpb.Duration {
	if d == nil {
		return nil
	}
	return durationpb.New(time.Duration(*d))
}

func percent(p *policy.Percent) *typev3.Percent {
	if p == nil {
		return nil
	}
	return &typev3.Percent{Value: float64(*p)}
}

func whole(n *uint32) *wrapperspb.UInt32Value {
	if n == nil {
		return nil
	}
	return wrapperspb.UInt32(*n)
}

func long(n *uint64) *wrapperspb.UInt64Value {
	if n == nil {
		return nil
	}
	return wrapperspb.UInt64(*n)
}

// bytesOf is a size that fits into 32 bits: 4 GiB becomes one byte less.
func bytesOf(s *policy.Size) *wrapperspb.UInt32Value {
	if s == nil {
		return nil
	}
	return wrapperspb.UInt32(uint32(min(uint64(*s), 1<<32-1)))
}

func truth(b *bool) *wrapperspb.BoolValue {
	if b == nil {
		return nil
	}
	return wrapperspb.Bool(*b)
}

func isTrue(b *bool) bool { return b != nil && *b }

// text is an optional text; empty if there is none.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// typed validates a message and packs it: the validation of what it is packed into does not look inside.
func typed(m message) (*anypb.Any, error) {
	if err := m.ValidateAll(); err != nil {
		return nil, err
	}
	packed := &anypb.Any{}
	return packed, anypb.MarshalFrom(packed, m, deterministic())
}
