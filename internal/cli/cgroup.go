package cli

import (
	"bufio"
	"bytes"
	"math"
	"path"
	"strconv"
	"strings"
)

// The memory that there is, as Linux tells it. Elsewhere there are no such files, and nothing is known.

// cgroupLimit is the least limit of the cgroups that this process is in, and whether there is one.
// https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files
func cgroupLimit(readFile func(string) ([]byte, error)) (least int64, found bool) {
	raw, err := readFile("/proc/self/cgroup")
	if err != nil {
		return 0, false
	}
	least = math.MaxInt64
	for line := range strings.Lines(string(raw)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3) // number, controllers, path
		if len(parts) != 3 {
			continue
		}
		root, file := "/sys/fs/cgroup", "memory.max"
		if parts[1] != "" {
			if !strings.Contains(","+parts[1]+",", ",memory,") {
				continue
			}
			root, file = "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
		}
		// A limit above holds below it, too. In a container the path may be that of the host, which is
		// not there: the container's own is the root.
		for at := path.Join("/", parts[2]); ; at = path.Dir(at) {
			if limit, err := readNumber(readFile, path.Join(root, at, file)); err == nil {
				least = min(least, limit)
			}
			if at == "/" {
				break
			}
		}
	}
	return least, least < 1<<60 // v1 has a number for none
}

func readNumber(readFile func(string) ([]byte, error), name string) (int64, error) {
	raw, err := readFile(name)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(raw)), 10, 64) // "max" is none
}

// machineMemory is how much memory the machine has, 0 if that is not known.
func machineMemory(readFile func(string) ([]byte, error)) int64 {
	raw, err := readFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for lines := bufio.NewScanner(bytes.NewReader(raw)); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) < 2 || words[0] != "MemTotal:" {
			continue
		}
		if kib, err := strconv.ParseInt(words[1], 10, 64); err == nil {
			return kib << 10
		}
	}
	return 0
}
