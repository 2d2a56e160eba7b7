package xdsserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	"legate/translate"
)

// The outcomes of a REST exchange, for its metric.
const (
	fetchOK          = "ok"
	fetchNotModified = "not_modified"
	fetchError       = "error"
)

// restServer serves xDS over REST (xDS protocol, "REST-JSON polling subscriptions"):
// POST /v3/discovery:clusters and /v3/discovery:endpoints with a DiscoveryRequest as JSON, which
// is answered with a DiscoveryResponse as JSON, or 304 if the request's version_info is current.
func (s *Server) restServer() *http.Server {
	mux := http.NewServeMux()
	mux.Handle("/v3/discovery:clusters", s.fetchHandler(translate.ClusterType))
	mux.Handle("/v3/discovery:endpoints", s.fetchHandler(translate.AssignmentType))
	var speaks http.Protocols // HTTP/2 also in the clear, so that one cluster of an Envoy serves for gRPC and REST
	speaks.SetHTTP1(true)
	speaks.SetHTTP2(true)
	speaks.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:           mux,
		Protocols:         &speaks,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: s.config.Limits.StreamsPerConnection},
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    maxHeaders,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

func (s *Server) fetchHandler(typeURL string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, code, err := s.fetchJSON(w, r, typeURL)
		s.excesses.of(err, r.RemoteAddr)
		switch {
		case err != nil:
			s.metrics.Fetch(typeURL, fetchError)
			s.log.Debug("fetch failed", "type", typeURL, "peer", r.RemoteAddr, "code", code, "error", err)
			http.Error(w, err.Error(), code)
		case code == http.StatusNotModified:
			s.metrics.Fetch(typeURL, fetchNotModified)
			w.WriteHeader(code)
		default:
			s.metrics.Fetch(typeURL, fetchOK)
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(body) // a client that went away needs no answer
		}
	}
}

// fetchJSON answers one request: the body, and its status code.
func (s *Server) fetchJSON(w http.ResponseWriter, r *http.Request, typeURL string) ([]byte, int, error) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return nil, http.StatusMethodNotAllowed, errors.New("send a DiscoveryRequest as JSON with POST")
	}
	in, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(s.config.Limits.BodyBytes)))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return nil, http.StatusRequestEntityTooLarge, excessf(limitBodyBytes, codes.ResourceExhausted, 0,
			"raise xds.max_body_bytes if this is a client of yours", "the request has more than %d bytes", tooLarge.Limit)
	}
	if err != nil {
		return nil, http.StatusBadRequest, fmt.Errorf("read request: %w", err)
	}
	request := &discoveryv3.DiscoveryRequest{}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(in, request); err != nil {
		return nil, http.StatusBadRequest, fmt.Errorf("the request is no DiscoveryRequest as JSON: %w", err)
	}
	if asked := request.GetTypeUrl(); asked != "" && asked != typeURL {
		return nil, http.StatusBadRequest, fmt.Errorf("this path serves %q, not %q", typeURL, sane(asked))
	}
	if err := checkNames(request.GetResourceNames(), s.config.MaxNames); err != nil {
		return nil, http.StatusRequestEntityTooLarge, err
	}
	if err := checkNode(request.GetNode(), s.config.Limits); err != nil {
		return nil, http.StatusBadRequest, err
	}
	if err := s.takeTurn(r.Context()); err != nil {
		w.Header().Set("Retry-After", "1")
		return nil, http.StatusServiceUnavailable, err
	}
	defer func() { <-s.fetches }()
	request.TypeUrl = typeURL
	response, err := s.xds.Fetch(r.Context(), request)
	var same *types.SkipFetchError
	switch {
	case errors.As(err, &same):
		return nil, http.StatusNotModified, nil
	case errors.Is(err, errNotReady):
		w.Header().Set("Retry-After", "1")
		return nil, http.StatusServiceUnavailable, err
	case status.Code(err) == codes.Unimplemented:
		return nil, http.StatusNotImplemented, err
	case err != nil:
		return nil, http.StatusInternalServerError, err
	}
	body, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(response)
	if err != nil {
		return nil, http.StatusInternalServerError, fmt.Errorf("encode response: %w", err)
	}
	return body, http.StatusOK, nil
}

// takeTurn waits until fewer requests than allowed are being answered.
func (s *Server) takeTurn(ctx context.Context) error {
	select {
	case s.fetches <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(s.config.Limits.NewStreamWait)
	defer timer.Stop()
	select {
	case s.fetches <- struct{}{}:
		return nil
	case <-timer.C:
		return excessf(limitFetches, codes.Unavailable, time.Second, "raise xds.max_fetches if the machine has cores to spare, or let clients poll less often",
			"too many requests at the moment; come again later")
	case <-ctx.Done():
		return ctx.Err()
	case <-s.stopping:
		return errStopping
	}
}
