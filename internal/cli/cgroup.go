package cli

import (
	"bufio"
	"bytes"
	"math"
	"path"
	"strconv"
	"strings"
)

// Memory limits as Linux reports them. Other systems lack these files, so nothing is known there.

// cgroupLimit returns the lowest limit of this process's cgroups, and whether there is one.
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
		// A limit applies to everything below it. In a container the path may be the host's and not
		// exist here; then the container's own cgroup is the root.
		for at := path.Join("/", parts[2]); ; at = path.Dir(at) {
			if limit, err := readNumber(readFile, path.Join(root, at, file)); err == nil {
				least = min(least, limit)
			}
			if at == "/" {
				break
			}
		}
	}
	return least, least < 1<<60 // cgroup v1 reports a huge number for no limit
}

func readNumber(readFile func(string) ([]byte, error), name string) (int64, error) {
	raw, err := readFile(name)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(raw)), 10, 64) // "max", which means no limit, is an error
}

// machineMemory returns the memory of the machine in bytes, 0 if unknown.
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
