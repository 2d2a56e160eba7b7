package parts

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"

	"github.com/hashicorp/consul/api"
)

// Snapshot returns a snapshot of the datacenter, for Restore.
func (c *Consul) Snapshot(ctx context.Context) ([]byte, error) {
	snapshot, _, err := c.client.Snapshot().Save(query(ctx))
	if err != nil {
		return nil, err
	}
	saved, err := io.ReadAll(snapshot)
	return saved, errors.Join(err, snapshot.Close())
}

// Restore takes the datacenter back to what a snapshot has. Its indexes go back, too.
func (c *Consul) Restore(ctx context.Context, snapshot []byte) error {
	return c.client.Snapshot().Restore((&api.WriteOptions{}).WithContext(ctx), bytes.NewReader(snapshot))
}

// Wipe deletes all data of a stopped Consul, which starts again without any.
func (c *Consul) Wipe() error { return os.RemoveAll(c.data()) }
