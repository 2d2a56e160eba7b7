package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"legate/discovery/catalog"
	"legate/internal/files"
)

// catalogFile is a catalog on disk, as --save-catalog writes it. It is for tests and for questions
// such as "what would Legate make of this?", so it is readable: one field a line,
// services and config entries sorted.
type catalogFile struct {
	Format     string // catalogFormat
	Datacenter string
	Services   []catalog.Service
	Entries    []catalog.Entry `json:",omitempty"`
}

const catalogFormat = "legate catalog 1"

// saveCatalog replaces the file atomically, through a temporary file beside it. Only the user can
// read it, since service meta can hold anything.
func saveCatalog(path, datacenter string, c catalog.Catalog) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("save catalog %q: %w", path, reason(err))
		}
	}()
	f := catalogFile{Format: catalogFormat, Datacenter: datacenter}
	for _, k := range slices.SortedFunc(maps.Keys(c.Services), catalog.ServiceKey.Compare) {
		f.Services = append(f.Services, c.Services[k])
	}
	for _, k := range slices.SortedFunc(maps.Keys(c.Entries), catalog.EntryKey.Compare) {
		f.Entries = append(f.Entries, c.Entries[k])
	}
	content, err := json.MarshalIndent(f, "", " ")
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".legate-catalog-*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // fails after the rename, which is fine
	_, err = temp.Write(append(content, '\n'))
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}

// loadCatalog reads the file that --catalog names.
func loadCatalog(path string) (datacenter string, c catalog.Catalog, err error) {
	in, _, err := files.Open(path)
	if err != nil {
		return "", c, fmt.Errorf("--catalog %q: %w: give the path of a file that --save-catalog wrote", path, reason(err))
	}
	defer in.Close()
	if datacenter, c, err = readCatalog(in); err != nil {
		err = fmt.Errorf("--catalog %q: %w", path, err)
	}
	return datacenter, c, err
}

// readCatalog reads a saved catalog. An unknown field is an error: it is a spelling mistake, or comes
// from a later version whose meaning this one does not know.
func readCatalog(in io.Reader) (datacenter string, c catalog.Catalog, err error) {
	var f catalogFile
	d := json.NewDecoder(in)
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return "", c, fmt.Errorf("not a catalog: %w: write one with --save-catalog", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return "", c, errors.New("something follows the catalog: write it anew with --save-catalog")
	}
	if f.Format != catalogFormat {
		return "", c, fmt.Errorf("its Format is %q, this version reads %q: write it anew with --save-catalog", f.Format, catalogFormat)
	}
	c = catalog.New()
	for _, s := range f.Services {
		if _, twice := c.Services[s.Key]; twice {
			return "", c, fmt.Errorf("service %q is there twice: remove one", s.Key)
		}
		slices.SortFunc(s.Instances, catalog.Instance.Compare)
		c.Services[s.Key] = s
	}
	for _, e := range f.Entries {
		if _, twice := c.Entries[e.Key]; twice {
			return "", c, fmt.Errorf("config entry %q is there twice: remove one", e.Key)
		}
		c.Entries[e.Key] = e
	}
	return f.Datacenter, c, nil
}
