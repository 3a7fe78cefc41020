package binaries

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// A process that dies leaves what it wrote; a machine that loses power only what
// was synced. So the relay runs under strace, is killed at a random moment, and
// its folder is made anew from what the trace says must be on the disk: with it
// alone, in several ways of what else may be there, the relay starts and has every
// record it acknowledged.
func TestARelayHasEverythingItAcknowledgedAfterAPowerCut(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("strace is not installed, and without it what was synced is not known; .ci/run installs it (Debian package strace)")
	}
	if _, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/children", os.Getpid())); err != nil {
		t.Skipf("what strace has started cannot be found, and so not be killed; a kernel with CONFIG_PROC_CHILDREN lists it: %v", err)
	}
	for name, left := range map[string]luck{
		"nothing but what was synced":          {},
		"no unsynced data, names as last seen": {names: true},
		"half of the unsynced writes, torn":    {names: true, writes: 0.5, pages: 0.7, open: true},
		"half of them, only synced names":      {writes: 0.5, pages: 0.7, open: true},
		"all writes, some pages missing":       {names: true, writes: 1, pages: 0.9, open: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRelay(t)
			traced := r.launchTraced(t)
			l := r.load(t)
			traced.busy(float64(500 + rand.IntN(3000)))
			traced.cutPower()

			disk := readDisk(t, traced.trace, r.dir)
			disk.sameAs(r.dir)
			after := t.TempDir()
			lost := disk.afterPowerCut(after, left)
			t.Logf("%d syncs; %d writes were lost with the power", disk.syncs, lost)
			r.dir = after
			p := r.launch(t)
			p.busy(100)
			l.end(true)
			l.verify()
		})
	}
}

// traced is a relay under strace.
type traced struct {
	*process
	trace string
}

// launchTraced runs a relay whose folder is empty.
func (r *relay) launchTraced(t *testing.T) *traced {
	t.Helper()
	trace := filepath.Join(t.TempDir(), "trace")
	p := &process{t: t, name: "local_relay", admin: r.admin, cmd: exec.Command("strace", "-f", "-xx", "-s", "8388608", "-e", tracedCalls, "-e", "signal=none",
		"-o", trace, filepath.Join(bin, "local_relay"))}
	p.cmd.Env, p.cmd.Dir, p.cmd.Stderr = r.env(), t.TempDir(), p
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	x := &traced{p, trace}
	t.Cleanup(func() {
		x.killChildren()
		p.kill()
		if t.Failed() {
			t.Logf("the traced relay said:\n%s", p.errors())
		}
	})
	eventually(t, "the traced relay is ready", func() bool {
		if strings.Contains(p.errors(), "Operation not permitted") {
			t.Skipf("strace may not trace here: %s", p.errors())
		}
		status, _ := get("http://" + r.admin + "/ready")
		return status == 200
	})
	return x
}

// cutPower ends the relay at once, and returns when the trace is complete.
func (x *traced) cutPower() {
	x.killChildren()
	_ = x.cmd.Wait() // tells how the relay ended
}

func (x *traced) killChildren() {
	pid := x.cmd.Process.Pid
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for child := range strings.FieldsSeq(string(children)) {
		if pid, err := strconv.Atoi(child); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}
