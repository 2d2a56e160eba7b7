package xdstest

import (
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/anypb"
)

// Response is a response in either protocol.
type Response struct {
	Type      string
	Version   string
	Nonce     string
	Resources map[string]*anypb.Any // by name
	Versions  map[string]string     // incremental: by name
	Removed   []string              // incremental
	From      string                // the control plane's identifier
	Bytes     int                   // on the wire
}

// String returns the content of the response: name@mark and -name, sorted.
func (r *Response) String() string {
	var all []string
	for name, a := range r.Resources {
		all = append(all, name+"@"+markOf(a))
	}
	for _, name := range r.Removed {
		all = append(all, "-"+name)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func short(typeURL string) string { return typeURL[strings.LastIndexByte(typeURL, '.')+1:] }

// Mark is a resource's name and the mark that identifies its content.
type Mark struct{ Name, Mark string }

// Marks returns the response's resources, by name.
func (r *Response) Marks() []Mark {
	var marks []Mark
	for _, name := range slices.Sorted(maps.Keys(r.Resources)) {
		marks = append(marks, Mark{name, markOf(r.Resources[name])})
	}
	return marks
}
