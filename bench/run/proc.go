package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// ticks is how many units of /proc's CPU times make a second, USER_HZ; it is 100
// on every Linux that Go runs on.
const ticks = 100

// cpuSeconds reads user and system time from the text of /proc/PID/stat.
func cpuSeconds(stat string) (float64, error) {
	// The second field is the command in parentheses and may hold anything.
	_, rest, ok := cutLast(stat, ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 13 {
		return 0, fmt.Errorf("not a /proc/PID/stat: %.80q", stat)
	}
	user, err1 := strconv.ParseUint(fields[11], 10, 64)
	system, err2 := strconv.ParseUint(fields[12], 10, 64)
	if err1 != nil || err2 != nil {
		return 0, fmt.Errorf("not a /proc/PID/stat: %.80q", stat)
	}
	return float64(user+system) / ticks, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// memory is resident memory, MiB.
type memory struct{ Now, Peak float64 }

// residentMemory reads VmRSS and VmHWM from the text of /proc/PID/status.
func residentMemory(status string) (m memory, err error) {
	for line := range strings.Lines(status) {
		name, value, _ := strings.Cut(line, ":")
		kib, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
		switch {
		case name != "VmRSS" && name != "VmHWM":
			continue
		case err != nil:
			return m, fmt.Errorf("not a size in /proc/PID/status: %q", line)
		case name == "VmRSS":
			m.Now = kib / 1024
		default:
			m.Peak = kib / 1024
		}
	}
	if m.Now == 0 {
		return m, fmt.Errorf("no VmRSS in /proc/PID/status")
	}
	return m, nil
}

// busySeconds reads from the text of /proc/stat how long all CPUs together were
// not idle.
func busySeconds(stat string) (float64, error) {
	line, _, _ := strings.Cut(stat, "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, fmt.Errorf("not a /proc/stat: %.80q", line)
	}
	var sum float64
	for i, field := range fields[1:9] {
		if i == 3 || i == 4 { // idle, iowait
			continue
		}
		n, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return 0, fmt.Errorf("not a /proc/stat: %.80q", line)
		}
		sum += n
	}
	return sum / ticks, nil
}

// readProc parses a file of /proc.
func readProc[T any](parse func(string) (T, error), path string) (T, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		var none T
		return none, err
	}
	return parse(string(text))
}
