package release

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path"
	"testing"

	"github.com/cavaliergopher/cpio"
)

// Tags of a header, and flags of a file, that the tests ask for.
// https://rpm-software-management.github.io/rpm/manual/tags.html
const (
	tagPre, tagPost, tagPreun, tagPostun   = 1023, 1024, 1025, 1026
	tagModes, tagFlags, tagUsers, tagGroup = 1030, 1037, 1039, 1040
	tagFolderOf, tagNames, tagFolders      = 1116, 1117, 1118
	isConfig, isNotReplaced                = 1 << 0, 1 << 4
)

// header is a header of a package: where the values of each tag begin, and how many there are.
// https://rpm-software-management.github.io/rpm/manual/format_header.html
type header struct {
	at    map[int]int
	count map[int]int
	store []byte
}

// readHeader returns the header at the beginning of a text, and its length.
func readHeader(t testing.TB, text []byte) (header, int) {
	t.Helper()
	if !bytes.HasPrefix(text, []byte{0x8e, 0xad, 0xe8, 1}) {
		t.Fatal("there is no header")
	}
	entries, size := int(binary.BigEndian.Uint32(text[8:])), int(binary.BigEndian.Uint32(text[12:]))
	begin := 16 + 16*entries
	h := header{map[int]int{}, map[int]int{}, text[begin : begin+size]}
	for i := range entries {
		entry := text[16+16*i:]
		tag := int(binary.BigEndian.Uint32(entry))
		h.at[tag], h.count[tag] = int(binary.BigEndian.Uint32(entry[8:])), int(binary.BigEndian.Uint32(entry[12:]))
	}
	return h, begin + size
}

func (h header) strings(tag int) (all []string) {
	rest := h.store[h.at[tag]:]
	for range h.count[tag] {
		one, after, _ := bytes.Cut(rest, []byte{0})
		all, rest = append(all, string(one)), after
	}
	return all
}

func (h header) number(tag, i, size int) int {
	one := h.store[h.at[tag]+i*size:]
	if size == 2 {
		return int(binary.BigEndian.Uint16(one))
	}
	return int(binary.BigEndian.Uint32(one))
}

// readRPM reads a package of Fedora and its like: a lead, two headers, and a cpio.
func readRPM(t testing.TB, file string) pkg {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text = text[96:] // the lead, which nothing reads any more
	_, length := readHeader(t, text)
	text = text[(length+7)/8*8:]
	h, length := readHeader(t, text)

	p := pkg{files: map[string]entry{}, scripts: map[string]string{}}
	for name, tag := range map[string]int{"pre": tagPre, "post": tagPost, "preun": tagPreun, "postun": tagPostun} {
		if h.count[tag] > 0 {
			p.scripts[name] = h.strings(tag)[0]
		}
	}
	folders, users, groups := h.strings(tagFolders), h.strings(tagUsers), h.strings(tagGroup)
	for i, name := range h.strings(tagNames) {
		mode, flags := h.number(tagModes, i, 2), h.number(tagFlags, i, 4)
		e := entry{mode: os.FileMode(mode & 0o7777), owner: users[i], group: groups[i], config: flags&isConfig != 0 && flags&isNotReplaced != 0}
		if mode&0o170000 == 0o040000 {
			e.mode |= os.ModeDir
		}
		p.files[path.Join(folders[h.number(tagFolderOf, i, 4)], name)] = e
	}

	z, err := gzip.NewReader(bytes.NewReader(text[length:]))
	if err != nil {
		t.Fatal(err)
	}
	for r := cpio.NewReader(z); ; {
		f, err := r.Next()
		if errors.Is(err, io.EOF) {
			return p
		}
		if err != nil {
			t.Fatal(err)
		}
		at := path.Join("/", f.Name)
		e, is := p.files[at]
		if !is {
			t.Errorf("%s is in the package and not in its header", at)
		}
		if e.content, err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
		p.files[at] = e
	}
}
