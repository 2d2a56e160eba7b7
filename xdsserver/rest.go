package xdsserver

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	"legate/internal/listen"
	"legate/xdsserver/admission"
)

// restServer serves xDS over REST (xDS protocol, "REST-JSON polling subscriptions"):
// POST /v3/discovery:clusters and /v3/discovery:endpoints with a DiscoveryRequest as JSON, which
// is answered with a DiscoveryResponse as JSON, or 304 if the request's version_info is current.
// How long a client may take to read its answer is bounded by the connection.
func (s *Server) restServer() *http.Server {
	mux := http.NewServeMux()
	for _, t := range resourceTypes {
		mux.Handle("/v3/discovery:"+t.word, s.fetchHandler(t.typeURL))
	}
	var speaks http.Protocols // HTTP/2 also in the clear, so that one cluster of an Envoy serves for gRPC and REST
	speaks.SetHTTP1(true)
	speaks.SetHTTP2(true)
	speaks.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:   listen.Headers(maxHeaders, mux, nil),
		Protocols: &speaks,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: s.config.Limits.StreamsPerConnection,
			// The least that HTTP/2 has: a connection is counted with it.
			MaxReceiveBufferPerConnection: streamWindow, MaxReceiveBufferPerStream: streamWindow,
		},
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    maxHeaders,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, addressKey{}, admission.AddressOf(c))
		},
	}
}

// addressKey is the key of a client's *admission.Address in the context of its requests.
type addressKey struct{}

func addressOf(ctx context.Context) *admission.Address {
	if a, ok := ctx.Value(addressKey{}).(*admission.Address); ok {
		return a
	}
	return &admission.Address{} // the request came over no connection
}

func (s *Server) fetchHandler(typeURL string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "send a DiscoveryRequest as JSON with POST", http.StatusMethodNotAllowed)
			return
		}
		m := &metered{budget: s.budget, from: addressOf(r.Context())}
		defer m.release()
		body, a, err := s.fetchJSON(w, r, m, typeURL)
		if err != nil {
			s.refusals.Of(err, r.RemoteAddr)
			s.refuseFetch(w, err)
			return
		}
		defer a.Release()
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		s.deliver(w, r, body)
	}
}

// deliver writes an answer. Where requests share a connection (HTTP/2), a client can take in those that
// it likes, so that each has its own time; else it is the connection's (see xdsserver/admission/stuck.go).
func (s *Server) deliver(w http.ResponseWriter, r *http.Request, body []byte) {
	control, limit := http.NewResponseController(w), s.config.Limits.StuckSend
	for part := range slices.Chunk(body, markEvery) {
		began := time.Now()
		if r.ProtoMajor > 1 {
			_ = control.SetWriteDeadline(began.Add(limit)) // HTTP/2 has it
		}
		if _, err := w.Write(part); err != nil { // a client that went away needs no answer
			if r.ProtoMajor > 1 && time.Since(began) >= limit {
				s.refusals.Of(admission.Stuck(), r.RemoteAddr)
			}
			return
		}
	}
}

// fetchJSON answers one request.
func (s *Server) fetchJSON(w http.ResponseWriter, r *http.Request, m *metered, typeURL string) (body []byte, a *admission.Answer, err error) {
	if err := m.take(admission.StreamBytes); err != nil {
		return nil, nil, err
	}
	in, err := s.readBody(w, r, m)
	if err != nil {
		return nil, nil, err
	}
	request, err := decodeJSON(in, &s.config.Limits)
	if err != nil {
		return nil, nil, err
	}
	a, err = s.fetch(r.Context(), m.from, typeURL, request, func(a *admission.Answer, m *discoveryv3.DiscoveryResponse) error {
		body, err = responseJSON(a, m)
		return err
	})
	return body, a, err
}

// readBody reads a request, which may be compressed. It is bounded before and after that.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request, m *metered) ([]byte, error) {
	most := int64(s.config.Limits.BodyBytes)
	var in io.Reader = http.MaxBytesReader(w, r.Body, most)
	switch encoding := r.Header.Get("Content-Encoding"); strings.ToLower(encoding) {
	case "", "identity":
	case "gzip":
		unpacked, err := gzip.NewReader(in)
		if err != nil {
			return nil, s.unreadable(err)
		}
		in = io.LimitReader(unpacked, most+1)
	default:
		w.Header().Set("Accept-Encoding", "gzip") // RFC 7694
		return nil, errEncoding
	}
	m.Reader = in
	body, err := io.ReadAll(m)
	if err == nil && int64(len(body)) > most {
		err = &http.MaxBytesError{Limit: most}
	}
	if err != nil {
		return nil, s.unreadable(err)
	}
	return body, nil
}

// metered reads a request over REST, and counts what it takes until it is answered.
type metered struct {
	io.Reader
	budget *admission.Budget
	from   *admission.Address
	held   int
}

func (m *metered) Read(b []byte) (int, error) {
	n, err := m.Reader.Read(b)
	if refused := m.take(n * expansion); refused != nil {
		return 0, refused
	}
	return n, err
}

func (m *metered) take(bytes int) error {
	err := m.budget.Take(m.from.Share(), admission.HeldRequests, bytes)
	if err == nil {
		m.held += bytes
	}
	return err
}

func (m *metered) release() { m.budget.Give(m.from.Share(), admission.HeldRequests, m.held) }

var errEncoding = errors.New("requests may be compressed with gzip, and with nothing else")

func (s *Server) unreadable(err error) error {
	if e := new(admission.Error); errors.As(err, &e) {
		return e
	}
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return admission.Refuse(admission.LimitBodyBytes, codes.ResourceExhausted, 0,
			"raise xds.max_body_bytes if this is a client of yours", "the request has more than %d bytes", tooLarge.Limit)
	}
	return status.Errorf(codes.InvalidArgument, "read request: %v", err)
}

// responseJSON is a response as JSON. It is made bit by bit, so that it is never larger than the
// answer may be: JSON is several times what the response is otherwise.
func responseJSON(a *admission.Answer, m *discoveryv3.DiscoveryResponse) ([]byte, error) {
	asJSON := protojson.MarshalOptions{UseProtoNames: true}
	body, err := asJSON.Marshal(&discoveryv3.DiscoveryResponse{VersionInfo: m.GetVersionInfo(), TypeUrl: m.GetTypeUrl()})
	if err != nil {
		return nil, fmt.Errorf("encode response: %w", err)
	}
	between := `,"resources":[`
	body = body[:len(body)-1] // the brace that closes it
	for _, resource := range m.GetResources() {
		if body, err = asJSON.MarshalAppend(append(body, between...), resource); err != nil {
			return nil, fmt.Errorf("encode response: %w", err)
		}
		if err := a.Grow(len(body)); err != nil {
			return nil, err
		}
		between = ","
	}
	if between == "," {
		body = append(body, ']')
	}
	return append(body, '}'), nil
}

// refuseFetch says over HTTP why there is no answer.
func (s *Server) refuseFetch(w http.ResponseWriter, err error) {
	said := status.Convert(err)
	code := http.StatusInternalServerError
	switch said.Code() {
	case codes.FailedPrecondition:
		w.WriteHeader(http.StatusNotModified)
		return
	case codes.InvalidArgument:
		code = http.StatusBadRequest
	case codes.ResourceExhausted:
		code = http.StatusRequestEntityTooLarge
	case codes.Unimplemented:
		code = http.StatusNotImplemented
	case codes.Unavailable, codes.Canceled:
		w.Header().Set("Retry-After", "1")
		code = http.StatusServiceUnavailable
	}
	if e := new(admission.Error); errors.As(err, &e) && e.Retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(e.Retry.Seconds())))
		code = http.StatusServiceUnavailable
	}
	if errors.Is(err, errEncoding) {
		code = http.StatusUnsupportedMediaType
	}
	s.log.Debug("fetch failed", "code", code, "error", err)
	http.Error(w, said.Message(), code)
}
