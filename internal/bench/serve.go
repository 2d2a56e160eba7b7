package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime/pprof"
	"strconv"
)

// serve is the server's process: one contender with the whole fleet, which follows orders on
// standard input until that is closed.
func serve(ctx context.Context, args []string) error {
	if len(args) != 3 {
		return errors.New("serve: want a contender, services and instances")
	}
	services, err1 := strconv.Atoi(args[1])
	instances, err2 := strconv.Atoi(args[2])
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	f := fleet{services, instances}
	c, err := newContender(args[0], f)
	if err != nil {
		return err
	}
	h := &host{contender: c, catalog: newCatalog(f)}
	if err := h.prepare(f.all(), 0); err != nil {
		return err
	}
	if err := h.apply(); err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- c.run(ctx, l) }()
	err = h.followOrders(l.Addr().String())
	cancel()
	return errors.Join(err, <-ended)
}

// host is a contender and its content.
type host struct {
	contender contender
	catalog   *dataset
	ready     func() error
	profile   *os.File
}

// followOrders carries out orders until there are no more.
func (h *host) followOrders(address string) error {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	if err := out.Encode(reply{Address: address}); err != nil {
		return err
	}
	for {
		var o order
		if err := in.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		var r reply
		err := h.do(o)
		if err == nil {
			r.Usage, err = measureSelf(o.Quick)
			r.Usage.Requests = h.contender.requests()
		}
		if err != nil {
			r.Error = err.Error()
		}
		if err := out.Encode(r); err != nil {
			return err
		}
	}
}

func (h *host) do(o order) error {
	switch o.Do {
	case doPrepare:
		return h.prepare(o.Services, o.Revision)
	case doApply:
		return h.apply()
	case doUsage:
		if o.Collect {
			collect()
		}
		return nil
	case doResetPeak:
		collect()
		return resetPeak()
	case doProfile:
		return h.profileInto(o.Path)
	case doHeap:
		return writeHeap(o.Path)
	}
	return fmt.Errorf("order %q: unknown", o.Do)
}

func (h *host) prepare(services []int, revision int) error {
	s, err := h.catalog.change(services, revision)
	if err != nil {
		return err
	}
	h.ready, err = h.contender.prepare(s)
	return err
}

func (h *host) apply() error {
	if h.ready == nil {
		return errors.New("apply: nothing is prepared")
	}
	defer func() { h.ready = nil }()
	return h.ready()
}

func (h *host) profileInto(path string) (err error) {
	if h.profile != nil {
		pprof.StopCPUProfile()
		err = h.profile.Close()
		h.profile = nil
	}
	if path == "" || err != nil {
		return err
	}
	if h.profile, err = os.Create(path); err != nil {
		return err
	}
	return pprof.StartCPUProfile(h.profile)
}

func writeHeap(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	collect()
	return errors.Join(pprof.Lookup("heap").WriteTo(f, 0), f.Close())
}
