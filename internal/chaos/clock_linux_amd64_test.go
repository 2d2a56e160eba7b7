package chaos_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Go program reads the clock from the vDSO, where nothing can intercept it. So a tracer hides the
// vDSO when the program starts: then the runtime makes real system calls. A seccomp filter stops
// the program at calls for the real-time clock, and the tracer answers them. All other calls,
// including those for the monotonic clock, are not affected.

// withOwnClock turns this process into the program, with a clock that differs by the amount in the
// file. The process keeps its id, parent and signals: the tracer is its child.
func withOwnClock(file, path string, args []string) error {
	runtime.LockOSThread() // tracing and filters are per thread
	self, err := os.Executable()
	if err != nil {
		return err
	}
	tracer := exec.Command(self, clockKeeper, strconv.Itoa(unix.Gettid()), file)
	tracer.Stderr = os.Stderr
	ready, err := tracer.StdoutPipe()
	if err != nil {
		return err
	}
	if err := tracer.Start(); err != nil {
		return err
	}
	if _, err := ready.Read(make([]byte, 1)); err != nil {
		return fmt.Errorf("trace %q: %w", path, errors.Join(err, tracer.Wait()))
	}
	if err := filterClock(); err != nil {
		return fmt.Errorf("filter system calls: %w", err)
	}
	return fmt.Errorf("execute %q: %w", path, unix.Exec(path, append([]string{path}, args...), os.Environ()))
}

// filterClock makes this thread, and what it executes, stop for the tracer at every call for the
// real-time clock.
func filterClock() error {
	const number, arch, argument = 0, 4, 16 // offsets in struct seccomp_data
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	unless := func(value uint32, skip uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: value, Jf: skip}
	}
	end := func(verdict uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: verdict}
	}
	rules := []unix.SockFilter{
		load(arch), unless(unix.AUDIT_ARCH_X86_64, 5),
		load(number), unless(unix.SYS_CLOCK_GETTIME, 3),
		load(argument), unless(unix.CLOCK_REALTIME, 1),
		end(unix.SECCOMP_RET_TRACE),
		end(unix.SECCOMP_RET_ALLOW),
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	filter := unix.SockFprog{Len: uint16(len(rules)), Filter: &rules[0]}
	_, _, errno := unix.Syscall(unix.SYS_PRCTL, unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&filter)))
	if errno != 0 {
		return errno
	}
	return nil
}

// keepClock traces a thread and everything it becomes or starts, until all of it has ended. If
// keepClock ends earlier, what it traces is killed.
func keepClock(thread, file string) error {
	tid, err := strconv.Atoi(thread)
	if err != nil {
		return err
	}
	runtime.LockOSThread() // ptrace calls must come from the tracing thread
	const options = unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_TRACESECCOMP | unix.PTRACE_O_EXITKILL
	if _, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(tid), 0, options, 0, 0); errno != 0 {
		return fmt.Errorf("seize %d: %w", tid, errno)
	}
	fmt.Println("ready")
	for {
		var status unix.WaitStatus
		tid, err := unix.Wait4(-1, &status, unix.WALL, nil)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ECHILD):
			return nil
		case err != nil:
			return err
		case !status.Stopped():
			continue
		}
		signal := 0
		switch event := int(status) >> 16; event {
		case 0:
			signal = int(status.StopSignal())
		case unix.PTRACE_EVENT_EXEC:
			err = hideVDSO(tid)
		case unix.PTRACE_EVENT_SECCOMP:
			err = tellTime(tid, file)
		}
		if err == nil {
			err = unix.PtraceCont(tid, signal)
		}
		if err != nil && !errors.Is(err, unix.ESRCH) { // it may have been killed
			return err
		}
	}
}

// hideVDSO hides the vDSO from a program that is about to start, by changing its auxiliary vector.
// That is on the stack above the arguments and the environment.
func hideVDSO(tid int) error {
	const ignore, sysinfo = 1, 33 // AT_IGNORE, AT_SYSINFO_EHDR
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(tid, &regs); err != nil {
		return err
	}
	at, word := uintptr(regs.Rsp), make([]byte, 8)
	next := func() (uint64, error) {
		_, err := unix.PtracePeekData(tid, at, word)
		at += 8
		return binary.LittleEndian.Uint64(word), err
	}
	argc, err := next()
	if err != nil {
		return err
	}
	at += 8 * (uintptr(argc) + 1)
	for v := uint64(1); v != 0; {
		if v, err = next(); err != nil {
			return err
		}
	}
	for {
		switch kind, err := next(); {
		case err != nil:
			return err
		case kind == 0:
			return errors.New("there is no vDSO to hide")
		case kind == sysinfo:
			_, err := unix.PtracePokeData(tid, at-8, binary.LittleEndian.AppendUint64(nil, ignore))
			return err
		}
		at += 8
	}
}

// tellTime answers a call for the time instead of the kernel.
func tellTime(tid int, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	ahead, err := time.ParseDuration(string(text))
	if err != nil {
		return err
	}
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(tid, &regs); err != nil {
		return err
	}
	now := time.Now().Add(ahead)
	spec := binary.LittleEndian.AppendUint64(nil, uint64(now.Unix()))
	spec = binary.LittleEndian.AppendUint64(spec, uint64(now.Nanosecond()))
	if _, err := unix.PtracePokeData(tid, uintptr(regs.Rsi), spec); err != nil {
		return err
	}
	regs.Orig_rax, regs.Rax = ^uint64(0), 0 // skip the call and set its result
	return unix.PtraceSetRegs(tid, &regs)
}
