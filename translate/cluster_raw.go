package translate

import (
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	"legate/translate/policy"
)

// mergeRaw merges the operator's raw fields into a cluster, and validates what is packed in it.
func mergeRaw(c *clusterv3.Cluster, raw *policy.Raw) error {
	if raw == nil {
		return nil
	}
	if err := overlay(c.ProtoReflect(), raw.Cluster.ProtoReflect()); err != nil {
		return err
	}
	for _, path := range raw.Zero {
		clearAt(c.ProtoReflect(), path)
	}
	if err := firstOf(c.ValidateAll(), validatePacked(c.ProtoReflect())); err != nil {
		return err
	}
	return refused(c)
}

// overlay sets in to what from has: messages are merged field by field, also packed ones of the same type,
// maps key by key; values and lists are replaced.
func overlay(to, from protoreflect.Message) (err error) {
	from.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsMap():
			err = overlayMap(to.Mutable(f).Map(), v.Map(), f.MapValue())
		case f.IsList() || f.Message() == nil || !to.Has(f) || plain(f.Message()):
			to.Set(f, clone(v, f))
		default:
			err = overlayMessage(to.Mutable(f).Message(), v.Message())
		}
		return err == nil
	})
	return err
}

// clearAt clears a field by its path.
func clearAt(m protoreflect.Message, path []protoreflect.FieldDescriptor) {
	for ; len(path) > 1; path = path[1:] {
		m = m.Mutable(path[0]).Message()
	}
	m.Clear(path[0])
}

// plain reports whether a message is written as one value, such as 5s, or stands for one.
func plain(m protoreflect.MessageDescriptor) bool {
	switch name := m.FullName(); name {
	case "google.protobuf.Duration", "google.protobuf.Timestamp", "envoy.type.v3.Percent", "envoy.type.v3.FractionalPercent":
		return true
	default:
		return name.Parent() == "google.protobuf" && strings.HasSuffix(string(name), "Value") // a number, a text, or whether
	}
}

func overlayMap(to, from protoreflect.Map, f protoreflect.FieldDescriptor) (err error) {
	from.Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
		if f.Message() == nil || !to.Has(k) {
			to.Set(k, clone(v, f))
		} else {
			err = overlayMessage(to.Mutable(k).Message(), v.Message())
		}
		return err == nil
	})
	return err
}

// overlayMessage unpacks what is packed: the fields of a typed extension are as good as others.
func overlayMessage(to, from protoreflect.Message) error {
	packed, is := to.Interface().(*anypb.Any)
	other, too := from.Interface().(*anypb.Any)
	if !is || !too || packed.TypeUrl != other.TypeUrl {
		if is && too {
			packed.TypeUrl, packed.Value = other.TypeUrl, other.Value
			return nil
		}
		return overlay(to, from)
	}
	ours, err := packed.UnmarshalNew()
	if err != nil {
		return err
	}
	theirs, err := other.UnmarshalNew()
	if err != nil {
		return err
	}
	if err := overlay(ours.ProtoReflect(), theirs.ProtoReflect()); err != nil {
		return err
	}
	return anypb.MarshalFrom(packed, ours, deterministic())
}

// clone is a value that shares nothing with the operator's own, which all services share.
func clone(v protoreflect.Value, f protoreflect.FieldDescriptor) protoreflect.Value {
	if f.IsList() || f.Message() == nil {
		return v
	}
	return protoreflect.ValueOfMessage(proto.Clone(v.Message().Interface()).ProtoReflect())
}

// validatePacked validates every message that is packed in m, however deep: the validation of m does not
// look inside.
func validatePacked(m protoreflect.Message) (err error) {
	if packed, is := m.Interface().(*anypb.Any); is {
		inner, err := packed.UnmarshalNew()
		if err != nil {
			return err
		}
		if v, can := inner.(message); can {
			if err := v.ValidateAll(); err != nil {
				return err
			}
		}
		return validatePacked(inner.ProtoReflect())
	}
	each(m, func(m protoreflect.Message) bool { err = validatePacked(m); return err == nil })
	return err
}

func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
