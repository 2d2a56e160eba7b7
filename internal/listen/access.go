package listen

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
)

// ownOnly is the mode of a socket of which nothing was said.
const ownOnly os.FileMode = 0o600

// give sets mode and group of the socket at the path. The group comes first: the mode must not
// open the socket to a group that it has by accident.
func (a Access) give(path string) error {
	if a.Group != "" {
		gid, err := groupID(a.Group)
		if err != nil {
			return err
		}
		if err := os.Chown(path, -1, gid); err != nil {
			return fmt.Errorf("give it to group %q: %s: this user must be in that group (under systemd: SupplementaryGroups=%[1]s)", a.Group, cause(err))
		}
	}
	return os.Chmod(path, cmp.Or(a.Mode, ownOnly))
}

// Validate says what is wrong with it on this machine. flag is what the settings' names begin
// with, such as --xds-socket.
func (a Access) Validate(flag string) error {
	if a.Group == "" {
		return nil
	}
	if _, err := groupID(a.Group); err != nil {
		return fmt.Errorf("%s-group: %w", flag, err)
	}
	return nil
}

func groupID(group string) (int, error) {
	if gid, err := strconv.Atoi(group); err == nil {
		return gid, nil
	}
	g, err := user.LookupGroup(group)
	if unknown := user.UnknownGroupError(""); errors.As(err, &unknown) {
		return 0, fmt.Errorf("group %q: this machine has no such group: create it (groupadd %[1]s), or choose another", group)
	}
	if err != nil {
		return 0, fmt.Errorf("group %q: %w", group, err)
	}
	return strconv.Atoi(g.Gid)
}
