package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// startLimit is how long a program may take until it works.
const startLimit = 30 * time.Second

// process is a running program that this one has started.
type process struct {
	name  string
	cmd   *exec.Cmd
	log   string // file with what it prints to standard error; standard output is in .out beside it
	admin string // URL of its /metrics and /debug/pprof; empty: it has none
}

// start runs a program, with nothing in its environment but env, until stop.
func start(dir, name, path string, env []string, args ...string) (*process, error) {
	p := &process{name: name, log: filepath.Join(dir, name+".log"), cmd: exec.Command(path, args...)}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the program has its own
	out, err := os.Create(filepath.Join(dir, name+".out"))
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Dir = out, log, dir
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}, env...)
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return p, nil
}

// stop kills the program and waits for its end. What it was to keep is of no
// use any more. A nil process has stopped.
func (p *process) stop() {
	if p != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	}
}

// until polls until works says nil, and fails with what the program has printed
// when that takes too long.
func (p *process) until(works func() error) error {
	for end := time.Now().Add(startLimit); ; time.Sleep(10 * time.Millisecond) {
		err := works()
		if err == nil {
			return nil
		}
		if time.Now().After(end) {
			said, _ := os.ReadFile(p.log)
			return fmt.Errorf("%s does not work after %v: %w; it printed:\n%s", p.name, startLimit, err, said[max(0, len(said)-2000):])
		}
	}
}

// ready waits until the admin port says so.
func (p *process) ready() error {
	return p.until(func() error {
		answer, err := http.Get(p.admin + "/ready")
		if err != nil {
			return err
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return errors.New(answer.Status)
		}
		return nil
	})
}

// listens waits until somebody takes connections at address.
func (p *process) listens(address string) error {
	return p.until(func() error {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err
	})
}

// cpu is the CPU time the program has used, seconds.
func (p *process) cpu() (float64, error) { return readProc(cpuSeconds, p.proc("stat")) }

// memory is what it has in memory, and had at most.
func (p *process) memory() (memory, error) { return readProc(residentMemory, p.proc("status")) }

func (p *process) proc(file string) string {
	return filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), file)
}

// metric is the sum of all series of a metric.
func (p *process) metric(name string) (float64, error) {
	answer, err := http.Get(p.admin + "/metrics")
	if err != nil {
		return 0, fmt.Errorf("metrics of %s: %w", p.name, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, fmt.Errorf("metrics of %s: %w", p.name, err)
	}
	return sumOf(name, string(text))
}

// sumOf adds up all series of a metric in Prometheus' text format.
func sumOf(name, text string) (sum float64, err error) {
	found := false
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || rest == "" || rest[0] != ' ' && rest[0] != '{' {
			continue
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(rest[strings.LastIndexByte(rest, ' ')+1:]), 64)
		if err != nil {
			return 0, fmt.Errorf("metric %s: %w", name, err)
		}
		sum, found = sum+value, true
	}
	if !found {
		return 0, fmt.Errorf("there is no metric %s", name)
	}
	return sum, nil
}

// freeAddress is one on loopback that nobody listens on.
func freeAddress() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(fmt.Sprintf("no free port on loopback: %v", err))
	}
	defer l.Close()
	return l.Addr().String()
}

// profile writes a CPU profile of the next seconds to a file, and says so or why not.
func (p *process) profile(seconds time.Duration, file string) {
	err := func() error {
		answer, err := http.Get(fmt.Sprintf("%s/debug/pprof/profile?seconds=%.0f", p.admin, max(1, seconds.Seconds())))
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err == nil && answer.StatusCode != http.StatusOK {
			err = errors.New(answer.Status)
		}
		if err != nil {
			return err
		}
		return os.WriteFile(file, text, 0o644)
	}()
	if err != nil {
		fmt.Fprintf(os.Stderr, "  no profile of %s: %v\n", p.name, err)
		return
	}
	fmt.Fprintf(os.Stderr, "  %s\n", file)
}
