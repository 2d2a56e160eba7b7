package listen

import (
	"io"
	"net"
	"slices"
	"strings"
	"testing"
)

func TestFramesAreFoundHoweverTheyArriveInReads(t *testing.T) {
	t.Parallel()
	frame := func(kind, flags byte, payload int) []byte {
		return append([]byte{0, byte(payload >> 8), byte(payload), kind, flags, 0, 0, 0, 1}, make([]byte, payload)...)
	}
	stream := []byte(preface)
	for _, f := range [][]byte{
		frame(0x4, 0, 0), frame(0x4, 1, 0), // 2
		frame(typeHeaders, 4, 100), frame(typeData, 0, 300), frame(typeData, 0, 5), frame(typeData, 0, 300),
		frame(typeData, 0, 5), frame(typeData, 0, 5), frame(typeData, 0, 0), frame(typeData, dataPadded, 300), frame(typeData, dataEnds, 0), // 3
		frame(typeReset, 0, 4), frame(typeReset, 0, 4), // 1
		frame(typeWindowUpdate, 0, 4), frame(typePing, 0, 8), frame(typePing, 1, 8), frame(0x2, 0, 5), // 2
	} {
		stream = append(stream, f...)
	}
	for _, step := range []int{1, 3, 7, 64, len(stream)} {
		f, got := &frames{}, 0
		for at := 0; at < len(stream); at += step {
			sent := 0
			if at == 0 {
				sent = perUpdate
			}
			got += f.count(stream[at:min(at+step, len(stream))], sent)
		}
		if got != 8 {
			t.Errorf("in steps of %d: %d frames carry nothing, want 8", step, got)
		}
	}
}

func BenchmarkFramesOfAnAcknowledgement(b *testing.B) {
	f := &frames{said: len(preface)}
	ack := append([]byte{0, 0, 100, typeData, 0, 0, 0, 0, 1}, make([]byte, 100)...)
	for b.Loop() {
		f.count(ack, 200)
	}
}

func TestWhatIsNotHTTP2HasNoFrames(t *testing.T) {
	t.Parallel()
	for _, said := range []string{"POST / HTTP/1.1\r\n\r\n", "P", "PRI * HTTP/1.1\r\n\r\n"} {
		f, got := &frames{}, 0
		for _, b := range []byte(said + strings.Repeat("\x00", 10*frameHeader)) {
			got += f.count([]byte{b}, 0)
		}
		if got != 0 {
			t.Errorf("%q: %d frames", said, got)
		}
	}
}

// However small what was sent is, a client may open the windows of the stream and of the connection for it.
func TestEachWriteMayBeAnsweredWithTwoUpdates(t *testing.T) {
	t.Parallel()
	server, client := net.Pipe()
	defer server.Close()
	defer client.Close()
	refused := 0
	conn := EmptyFrames{PerSecond: 1, Refused: func(net.Addr) error { refused++; return io.EOF }}.Limit(server)
	update := append([]byte{0, 0, 4, typeWindowUpdate, 0, 0, 0, 0, 0}, 0, 0, 0, 1)
	go func() {
		_, _ = io.WriteString(client, preface) // how it ends is seen on the other side
		answer := make([]byte, 60)
		for {
			if _, err := io.ReadFull(client, answer); err != nil {
				return
			}
			if _, err := client.Write(slices.Concat(update, update)); err != nil {
				return
			}
		}
	}()
	in := make([]byte, 1024)
	if _, err := io.ReadFull(conn, in[:len(preface)]); err != nil {
		t.Fatal(err)
	}
	for range 20 * framesBurst {
		if _, err := conn.Write(make([]byte, 60)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, in[:2*len(update)]); err != nil {
			t.Fatalf("refused %d times: %v", refused, err)
		}
	}
}
