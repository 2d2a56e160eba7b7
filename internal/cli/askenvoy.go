package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"legate/internal/quote"
)

// maxDump is the size limit of an answer of an Envoy in bytes: 10,000 services with ten endpoints each take less than half.
const maxDump = 256 << 20

// askEnvoy asks the admin page of an Envoy. Errors name the flag that says where it is.
func askEnvoy(ctx context.Context, address, path, flag string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+strings.TrimPrefix(address, "http://")+path, nil)
	if err != nil {
		return nil, envoyFailed(address, err, flag)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(r)
	if err != nil {
		return nil, envoyFailed(address, transport(err), flag)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, envoyFailed(address, errors.New(quote.Text(answer.Status, quote.NameBytes)), flag)
	}
	content, err := io.ReadAll(io.LimitReader(answer.Body, maxDump+1))
	if err == nil && len(content) > maxDump {
		err = fmt.Errorf("its answer has more than %d MiB", maxDump>>20)
	}
	if err != nil {
		return nil, envoyFailed(address, err, flag)
	}
	return content, nil
}

func envoyFailed(address string, err error, flag string) error {
	return fmt.Errorf("ask envoy at %s: %w: is its admin page there? See %s", quote.Name(address), err, flag)
}
