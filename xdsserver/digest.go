package xdsserver

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math/bits"
)

// version is the content hash of the whole type: the same wherever the same is served.
func (t *table) version() string {
	v := t.printed.Load()
	if v == nil || v.of != t.sum {
		v = &printed{t.sum, t.sum.String()}
		t.printed.Store(v)
	}
	return v.text
}

// printed is a digest as text: each response has it.
type printed struct {
	of   digest
	text string
}

// digest is a sum of hashes, which does not depend on the order and can be taken back.
type digest struct{ hi, lo uint64 }

func digestOf(name, version string) digest {
	h := sha256.Sum256([]byte(name + "\x00" + version))
	return digest{binary.BigEndian.Uint64(h[:]), binary.BigEndian.Uint64(h[8:])}
}

func (d digest) plus(o digest) digest {
	lo, carry := bits.Add64(d.lo, o.lo, 0)
	hi, _ := bits.Add64(d.hi, o.hi, carry)
	return digest{hi, lo}
}

func (d digest) minus(o digest) digest {
	lo, borrow := bits.Sub64(d.lo, o.lo, 0)
	hi, _ := bits.Sub64(d.hi, o.hi, borrow)
	return digest{hi, lo}
}

func (d digest) String() string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], d.hi)
	binary.BigEndian.PutUint64(b[8:], d.lo)
	return base64.RawURLEncoding.EncodeToString(b[:])
}
