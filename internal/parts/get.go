package parts

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
)

// get requests a path of a program's HTTP interface. An answer other than 200 is an error, with what the program said.
func get(ctx context.Context, client *http.Client, program, addr, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("get %q of %s: %s: %s", path, program, resp.Status, bytes.TrimSpace(body))
	}
	return body, err
}
