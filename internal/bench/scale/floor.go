package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"golang.org/x/sync/errgroup"
)

// floor reads what Legate reads when it starts, and throws it away: the list of each datacenter, and each service once,
// from its leader. No Legate can be faster than that.
func (s *stage) floor(ctx context.Context, places ...place) error {
	clients := make([]*http.Client, s.conns)
	for i := range clients {
		one, err := s.reader()
		if err != nil {
			return err
		}
		defer one.CloseIdleConnections()
		clients[i] = one
	}
	consul, err := s.consulCPU()
	if err != nil {
		return err
	}
	own, err := cpu(os.Getpid())
	if err != nil {
		return err
	}
	began := time.Now()
	all, ctx := errgroup.WithContext(ctx)
	for _, p := range places {
		all.Go(func() error { return s.readAll(ctx, clients, p.consul.Datacenter) })
	}
	if err := all.Wait(); err != nil {
		return err
	}
	took := time.Since(began)
	after, err := s.consulCPU()
	if err != nil {
		return err
	}
	ownAfter, err := cpu(os.Getpid())
	if err != nil {
		return err
	}
	fmt.Printf("    floor: who throws all answers away has them after %.1f s; it took %v\n", took.Seconds(), cost{after - consul, ownAfter - own})
	return nil
}

// reader keeps to one connection of its own, over HTTP/2.
func (s *stage) reader() (*http.Client, error) {
	pem, err := os.ReadFile(s.consul.Certs.CAFile)
	if err != nil {
		return nil, err
	}
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read %q: no certificate in it", s.consul.Certs.CAFile)
	}
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true, DisableCompression: true,
	}}, nil
}

// readAll reads a datacenter, so many services at once as Legate does.
func (s *stage) readAll(ctx context.Context, clients []*http.Client, datacenter string) error {
	question := "?consistent=&dc=" + datacenter
	var list map[string][]string
	err := s.readOnce(ctx, clients[0], "/v1/catalog/services"+question, func(body io.Reader) error { return json.NewDecoder(body).Decode(&list) })
	if err != nil {
		return err
	}
	reads, ctx := errgroup.WithContext(ctx)
	reads.SetLimit(s.reads)
	n := 0
	for name := range list {
		client := clients[n%len(clients)]
		n++
		reads.Go(func() error {
			return s.readOnce(ctx, client, "/v1/health/service/"+name+question, func(body io.Reader) error {
				_, err := io.Copy(io.Discard, body)
				return err
			})
		})
	}
	return reads.Wait()
}

func (s *stage) readOnce(ctx context.Context, client *http.Client, path string, use func(io.Reader) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+s.consul.HTTPSAddr+path, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("get %q: %s", path, resp.Status)
	}
	return use(resp.Body)
}
