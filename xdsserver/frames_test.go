package xdsserver

import (
	"strings"
	"testing"
	"time"
)

func TestWhoSendsFramesWithNothingInThemIsCutOffAndCounted(t *testing.T) {
	t.Parallel()
	for name, send := range map[string]func(b bare){
		"SETTINGS":      func(b bare) { b.frame(frameSettings, nil) },
		"DATA":          func(b bare) { b.frameOf(1, frameData, 0, nil) },
		"tiny DATA":     func(b bare) { b.frameOf(1, frameData, 0, []byte{1}) },
		"WINDOW_UPDATE": func(b bare) { b.frame(frameWindowUpdate, []byte{0, 0, 0, 1}) },
		"RST_STREAM":    func(b bare) { b.frameOf(1, 0x3, 0, []byte{0, 0, 0, 8}) },
		"PING answers":  func(b bare) { b.frameOf(0, framePing, 1, make([]byte, 8)) },
		"unknown":       func(b bare) { b.frame(0x42, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.set(service("web", 1)...)
			b := s.bare()
			over := make(chan struct{})
			go func() { b.goodbye(time.Minute); close(over) }()
			b.headers(1, sotwMethod)
			if name == "tiny DATA" {
				b.begin(1, 1<<20, []byte{15<<3 | 2, 0xf0, 0xff, 0x3f})
			}
			for range 2 * burst * s.config.Limits.EmptyFrames {
				send(b)
			}
			soon(t, "it is counted", func() bool { return s.met(limitEmptyFrames) == 1 })
			<-over
			if said := s.said(limitEmptyFrames); !strings.Contains(said.Remedy, "xds.empty_frames_per_second") || said.From == "" {
				t.Errorf("%+v", said)
			}
			soon(t, "nothing is left of it", func() bool { return len(s.Streams()) == 0 && s.admission.connected() == 0 })
			s.served(s.conn, "good")
		})
	}
}

// A client that is served opens windows and acknowledges, thousands of times.
func TestWhoIsServedALotMeetsNoLimitOfFrames(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(c *Config) { c.Limits.EmptyFrames = 5 })
	s.set(service("web", 1)...)
	c := s.served(s.conn, "edge")
	for i := 2; i < 1500; i++ {
		s.set(cluster("web", i))
		c.Ack(c.Read())
	}
	if n := s.met(limitEmptyFrames); n != 0 {
		t.Errorf("met %d times", n)
	}
}

func TestFramesAreFoundHoweverTheyArriveInReads(t *testing.T) {
	t.Parallel()
	frame := func(kind, flags byte, payload int) []byte {
		return append([]byte{0, byte(payload >> 8), byte(payload), kind, flags, 0, 0, 0, 1}, make([]byte, payload)...)
	}
	stream := make([]byte, preface)
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
	f := &frames{}
	ack := append([]byte{0, 0, 100, typeData, 0, 0, 0, 0, 1}, make([]byte, 100)...)
	for b.Loop() {
		f.count(ack, 200)
	}
}
