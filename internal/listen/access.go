package listen

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
)

// ownOnly is the default mode of a socket.
const ownOnly os.FileMode = 0o600

// give sets the mode and group of the socket at the path. The group comes first: with its old
// group, the new mode could let in the wrong users.
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

// Validate checks the settings on this machine. Errors name the flags, which begin with flag, such
// as --xds-socket.
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
