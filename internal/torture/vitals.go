package torture

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// vitals is what a process uses; what the system does not tell is 0.
type vitals struct {
	Memory     int64 // resident, bytes
	Files      int   // open
	Goroutines int   // 0 for a node
}

func (v vitals) String() string {
	return fmt.Sprintf("%d MB, %d files, %d goroutines", v.Memory>>20, v.Files, v.Goroutines)
}

// vitals asks /proc and /metrics.
func (p *process) vitals() vitals {
	var v vitals
	proc := filepath.Join("/proc", strconv.Itoa(p.pid()))
	if status, err := os.ReadFile(filepath.Join(proc, "status")); err == nil {
		if _, rest, ok := bytes.Cut(status, []byte("VmRSS:")); ok {
			var kb int64
			if _, err := fmt.Fscan(bytes.NewReader(rest), &kb); err == nil {
				v.Memory = kb << 10
			}
		}
	}
	if files, err := os.ReadDir(filepath.Join(proc, "fd")); err == nil {
		v.Files = len(files)
	}
	if p.admin != "" {
		v.Goroutines = int(p.metrics()["go_goroutines"])
	}
	return v
}

// limit is what a process may use at rest after a run that used v under load
// before it: generous, since a heap keeps what it has grown to for a while, and a
// node keeps more of a stream in its cache; a leak of a run shows all the same.
func (v vitals) limit() vitals {
	return vitals{Memory: 2*v.Memory + 128<<20, Files: v.Files*3/2 + 32, Goroutines: v.Goroutines*3/2 + 32}
}

// over says what v has more of than limit; empty when nothing.
func (v vitals) over(limit vitals) string {
	switch {
	case v.Memory > limit.Memory:
		return fmt.Sprintf("%d MB of memory, limit %d", v.Memory>>20, limit.Memory>>20)
	case v.Files > limit.Files:
		return fmt.Sprintf("%d open files, limit %d", v.Files, limit.Files)
	case v.Goroutines > limit.Goroutines:
		return fmt.Sprintf("%d goroutines, limit %d", v.Goroutines, limit.Goroutines)
	}
	return ""
}
