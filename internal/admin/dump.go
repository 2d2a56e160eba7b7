package admin

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"

	"legate/internal/quote"
	"legate/translate"
	"legate/xdsserver"
)

// configDump writes the resources of a view by type and name. ?view= chooses the view if there are
// several; ?name= keeps the resources of one service; with ?region= and ?zone= they are as a node gets them that stands there.
func (s *Server) configDump(w http.ResponseWriter, r *http.Request) {
	if err := unknownParameter(r, []string{"view", "name", "region", "zone"}); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	views := s.rooms.XDS.Views()
	if len(views) == 0 {
		http.Error(w, "nothing is served yet: "+s.notReady(), http.StatusServiceUnavailable)
		return
	}
	view, ok := chooseView(views, r.URL.Query().Get("view"))
	if !ok {
		var names []string
		for _, v := range views {
			names = append(names, v.View.String())
		}
		http.Error(w, "which view? "+quote.Text(strings.Join(names, ", "), quote.TextBytes)+" (?view=…)", http.StatusNotFound)
		return
	}
	resources, _ := s.rooms.XDS.Dump(view)
	if name := r.URL.Query().Get("name"); name != "" {
		resources = slices.DeleteFunc(resources, func(r translate.Resource) bool { return r.Name.Name != name })
	}
	resources = slices.Clone(resources) // the view's own are not changed
	place := translate.Place{Region: r.URL.Query().Get("region"), Zone: r.URL.Query().Get("zone")}
	for i, one := range resources {
		placed, err := one.From(place)
		if err != nil {
			s.log.Error("config dump is as for a node that stands nowhere", "resource", quote.Name(one.Name.Name), "error", err)
			continue
		}
		resources[i] = placed
	}
	slices.SortFunc(resources, func(a, b translate.Resource) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name.Name, b.Name.Name))
	})
	w.Header().Set("Content-Type", "application/json")
	out := bufio.NewWriter(w)
	if err := writeDump(out, view, resources); err != nil {
		s.log.Error("config dump ended early", "view", view.String(), "error", err)
		return
	}
	_ = out.Flush() // the client may have gone
}

func chooseView(views []xdsserver.ViewStatus, name string) (xdsserver.View, bool) {
	if name == "" && len(views) == 1 {
		return views[0].View, true
	}
	i := slices.IndexFunc(views, func(v xdsserver.ViewStatus) bool { return v.View.String() == name })
	if i < 0 {
		return xdsserver.View{}, false
	}
	return views[i].View, true
}

// writeDump writes one resource after the other, so that a dump of a large catalog is never in
// memory as a whole. It returns errors of the resources, not of the client's connection.
func writeDump(w io.Writer, view xdsserver.View, resources []translate.Resource) error {
	name, err := json.Marshal(view.String())
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "{\n  \"view\": %s,\n  \"resources\": [", quote.JSON(name))
	for i, r := range resources {
		message, err := translate.Decode(r)
		if err != nil {
			return err
		}
		content, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(message)
		if err != nil {
			return fmt.Errorf("encode %q: %w", r.Name.Name, err)
		}
		line, err := json.Marshal(struct {
			Type     string          `json:"type"`
			Name     string          `json:"name"`
			Version  string          `json:"version"`
			Resource json.RawMessage `json:"resource"`
		}{r.Type, r.Name.Name, r.Version, content})
		if err != nil {
			return fmt.Errorf("encode %q: %w", r.Name.Name, err)
		}
		separator := ",\n    "
		if i == 0 {
			separator = "\n    "
		}
		if _, err := fmt.Fprintf(w, "%s%s", separator, quote.JSON(line)); err != nil {
			return nil //nolint:nilerr // the client may have gone
		}
	}
	fmt.Fprint(w, "\n  ]\n}\n")
	return nil
}
