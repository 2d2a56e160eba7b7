package xdsserver

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"
	"time"

	"legate/xdsserver/admission"
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
			for range 20 * s.config.Limits.EmptyFrames {
				send(b)
			}
			soon(t, "it is counted", func() bool { return s.met(admission.LimitEmptyFrames) == 1 })
			<-over
			if said := s.said(admission.LimitEmptyFrames); !strings.Contains(said.Remedy, "xds.empty_frames_per_second") || said.From == "" {
				t.Errorf("%+v", said)
			}
			soon(t, "nothing is left of it", func() bool { return len(s.Streams()) == 0 && s.admission.Usage().Connections == 0 })
			s.served(s.conn, "good")
		})
	}
}

// Over REST HTTP/2 is the Go library's, which counts nothing of it, pings included.
func TestFramesWithNothingInThemAreCountedOverRESTToo(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		for name, send := range map[string]func(b bare){
			"SETTINGS": func(b bare) { b.frame(frameSettings, nil) },
			"DATA":     func(b bare) { b.frameOf(1, frameData, 0, nil) },
			"PING":     func(b bare) { b.frame(framePing, make([]byte, 8)) },
		} {
			t.Run(fmt.Sprint(name, secure), func(t *testing.T) {
				t.Parallel()
				s := newStage(t, func(c *Config) {
					if secure {
						encrypted(c)
						c.TLS.ClientAuth = tls.NoClientCert
					}
				})
				s.set(service("web", 1)...)
				b := s.bareREST(secure)
				over := make(chan struct{})
				go func() { b.goodbye(time.Minute); close(over) }()
				b.headers(1, "/v3/discovery:clusters")
				for range 20 * s.config.Limits.EmptyFrames {
					send(b)
				}
				soon(t, "it is counted", func() bool { return s.met(admission.LimitEmptyFrames) == 1 })
				<-over
				soon(t, "nothing is left of it", func() bool { return s.admission.Usage().Connections == 0 })
			})
		}
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
	if n := s.met(admission.LimitEmptyFrames); n != 0 {
		t.Errorf("met %d times", n)
	}
}
