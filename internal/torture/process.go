package torture

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"lagermeister/internal/program"
)

// patience is how long a process may take to start or to end, on a busy machine too.
const patience = 90 * time.Second

// process is a program that is started again and again with the same settings.
// Its methods may be called from several goroutines; those that hurt it from one.
type process struct {
	name   string
	path   string
	args   []string
	env    []string // all there is
	log    string   // file that standard error is appended to
	health string   // URL that answers 200 when it is ready
	admin  string   // host:port of /metrics, empty if there is none
	oracle *oracle

	mu       sync.Mutex
	cmd      *exec.Cmd
	ended    chan struct{} // closed when cmd has ended
	life     int           // counts starts
	leaving  bool          // we end it, or have: its end is no surprise
	restarts int           // after an end of its own accord that is allowed
}

// spawner runs what it is given in one thread that lives as long as we do: Linux
// kills the children with the thread that started them (Pdeathsig), so that none
// outlives us, however we end.
var spawner = sync.OnceValue(func() chan func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

// start starts the program, and again whenever it ends without our doing and may.
func (p *process) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.startLocked()
}

func (p *process) startLocked() error {
	file, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	p.life++
	fmt.Fprintf(file, "--- %s start %d of %s\n", time.Now().Format(time.RFC3339Nano), p.life, p.name)
	cmd := exec.Command(p.path, p.args...)
	cmd.Env, cmd.Dir = p.env, filepath.Dir(p.log)
	cmd.Stdout, cmd.Stderr = file, file
	cmd.SysProcAttr = dieWithParent()
	done := make(chan error, 1)
	spawner() <- func() { done <- cmd.Start() }
	if err := <-done; err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	p.cmd, p.ended, p.leaving = cmd, make(chan struct{}), false
	go p.wait(cmd, p.ended, p.life)
	return nil
}

// wait ends with the process. A program that found a dependency away at its start
// is started again, as its unit would; any other end of its own is a complaint.
func (p *process) wait(cmd *exec.Cmd, ended chan struct{}, life int) {
	_ = cmd.Wait() // the state tells
	close(ended)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.leaving || p.life != life {
		return
	}
	if code := cmd.ProcessState.ExitCode(); code == program.ExitUnavailable {
		p.restarts++
	} else {
		p.oracle.complain("no process ends by itself", "%s: %v, see %s", p.name, cmd.ProcessState, p.log)
	}
	time.AfterFunc(time.Second, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.life == life && !p.leaving {
			_ = p.startLocked() // it has started before
		}
	})
}

// kill ends the process as a crash would.
func (p *process) kill() {
	p.mu.Lock()
	p.leaving = true
	cmd, ended := p.cmd, p.ended
	p.mu.Unlock()
	_ = cmd.Process.Kill()
	<-ended
}

// signal sends a signal that the process survives.
func (p *process) signal(s syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.cmd.Process.Signal(s)
}

// terminate asks the process to end, and kills it when it does not; the exit code
// is negative then.
func (p *process) terminate() int {
	p.mu.Lock()
	p.leaving = true
	cmd, ended := p.cmd, p.ended
	p.mu.Unlock()
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-ended:
	case <-time.After(patience):
		p.oracle.complain("a process ends when asked to", "%s has not after %v; what it was doing is in %s", p.name, patience, p.log)
		_ = cmd.Process.Signal(syscall.SIGQUIT)
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
		return -1
	}
	return cmd.ProcessState.ExitCode()
}

// lives tells which life the process is in, and whether it is in none since it
// ended or is about to.
func (p *process) lives() (life int, alive bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.ended:
		return p.life, false
	default:
		return p.life, !p.leaving
	}
}

func (p *process) pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd.Process.Pid
}

// ready waits until the process says that it is, and returns how long that took.
func (p *process) ready(ctx context.Context) (time.Duration, error) {
	began, why := time.Now(), ""
	for time.Since(began) < patience {
		status, body := get(p.health)
		if status == http.StatusOK {
			return time.Since(began), nil
		}
		why = body
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return 0, err
		}
	}
	return 0, fmt.Errorf("%s is not ready after %v: %.300s", p.name, patience, strings.TrimSpace(why))
}

// metrics are the sums of all series of each metric; nil when it does not answer.
func (p *process) metrics() map[string]float64 {
	status, body := get("http://" + p.admin + "/metrics")
	if status != http.StatusOK {
		return nil
	}
	sums := map[string]float64{}
	for line := range strings.Lines(body) {
		if line[0] == '#' {
			continue
		}
		end := strings.LastIndexByte(strings.TrimSpace(line), ' ')
		name, _, _ := strings.Cut(line[:max(end, 0)], "{")
		if value, err := strconv.ParseFloat(strings.TrimSpace(line[end+1:]), 64); err == nil {
			sums[name] += value
		}
	}
	return sums
}

// series is the sum of the series of a metric that hold a label; 0 when the
// process does not answer.
func (p *process) series(metric, label string) (sum float64) {
	_, body := get("http://" + p.admin + "/metrics")
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, metric) && strings.Contains(line, label) {
			value, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(line, ' ')+1:]), 64)
			if err == nil {
				sum += value
			}
		}
	}
	return sum
}

// asking is for questions to processes, which may be stopped.
var asking = &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// get returns status 0 when nobody answers.
func get(url string) (status int, body string) {
	resp, err := asking.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(b)
}

// pause waits, or returns the error of ctx when it ends first.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
