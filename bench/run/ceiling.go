package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"lagermeister/bench/load"
	"lagermeister/bench/record"
)

// ceilingResult is what bench/ceiling prints.
type ceilingResult struct {
	Records int64              `json:"records"`
	Seconds float64            `json:"seconds"`
	CPU     map[string]float64 `json:"cpu_s"`
}

// ceiling runs a command of bench/ceiling to its end.
func (l *lab) ceiling(args ...string) (s sample, err error) {
	path, err := l.binary("./bench/ceiling")
	if err != nil {
		return s, err
	}
	cmd := exec.CommandContext(l.ctx, path, args...)
	cmd.Dir = l.dir
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // it ends its nats-server then
	cmd.WaitDelay = 10 * time.Second
	m, err := l.meter(nil)
	if err != nil {
		return s, err
	}
	said, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return s, fmt.Errorf("ceiling %v: %w", args, err)
	}
	if s, err = m.command(cmd); err != nil {
		return s, err
	}
	return s, s.ceiling(said)
}

// ceiling takes over what bench/ceiling has printed.
func (s *sample) ceiling(said []byte) error {
	var r ceilingResult
	if err := json.Unmarshal(said, &r); err != nil {
		return fmt.Errorf("ceiling printed %q: %w", said, err)
	}
	if r.CPU["server"] == 0 { // there was none
		delete(r.CPU, "server")
	}
	s.Sent, s.Arrived, s.Seconds, s.CPU = r.Records, r.Records, r.Seconds, r.CPU
	return nil
}

// publishCeiling is what a bare publisher and the broker make of records.
func publishCeiling(name, mode string, size int) system {
	return system{name, func(l *lab, _ round) (s sample, err error) {
		server, err := l.binary(natsServer)
		if err != nil {
			return s, err
		}
		return l.ceiling("pub", "-mode", mode, "-size", strconv.Itoa(size), "-duration", l.seconds.String(), "-nats-server", server, "-dir", l.dir)
	}}
}

// plainFile writes to a file, with fsync after each block of the size.
func (l *lab) plainFile(size int, block float64) (s sample, err error) {
	if math.IsNaN(block) {
		return s, errors.New("how large our blocks are is not known")
	}
	return l.ceiling("raw", "-fsync", "-size", strconv.Itoa(size), "-write", strconv.Itoa(int(block)), "-duration", l.seconds.String(), "-dir", l.dir)
}

// server is a command of bench/ceiling that works until it is told to stop.
type server struct {
	*process
	address string
	meter   *meter
}

// serve starts one.
func (l *lab) serve(command string, args ...string) (*server, error) {
	path, err := l.binary("./bench/ceiling")
	if err != nil {
		return nil, err
	}
	s := &server{address: freeAddress()}
	if s.process, err = start(l.dir, "ceiling", path, nil, append([]string{command, "-addr", s.address}, args...)...); err != nil {
		return nil, err
	}
	if err = s.listens(s.address); err == nil {
		s.meter, err = l.meter([]*process{s.process})
	}
	if err != nil {
		s.stop()
	}
	return s, err
}

// result tells it to stop, once it has read what it was sent, and is what it prints.
func (s *server) result() (r sample, err error) {
	time.Sleep(300 * time.Millisecond) // what the kernel still holds of closed connections
	if r, err = s.meter.sample(); err != nil {
		return r, err
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return r, err
	}
	if err := s.cmd.Wait(); err != nil {
		return r, fmt.Errorf("%s: %w; see %s", s.name, err, s.log)
	}
	said, err := os.ReadFile(strings.TrimSuffix(s.log, ".log") + ".out")
	if err != nil {
		return r, err
	}
	return r, r.ceiling(said)
}

// readCeiling is a program that takes frames and keeps nothing.
func readCeiling(name string, args ...string) system {
	return system{name, func(l *lab, _ round) (s sample, err error) {
		p, err := l.serve("read", args...)
		if err != nil {
			return s, err
		}
		defer p.stop()
		template, err := record.Frame(1, 300)
		if err != nil {
			return s, err
		}
		if _, err = load.TCP(l.ctx, load.Load{Address: p.address, Template: template, Connections: 1, Duration: l.seconds}); err != nil {
			return s, err
		}
		return p.result()
	}}
}
