package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"strconv"
	"time"
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
	if s, err = m.sample(); err != nil {
		return s, err
	}
	used := cmd.ProcessState
	s.Others -= (used.UserTime() + used.SystemTime()).Seconds() / time.Since(m.began).Seconds() // with its broker, which it waits for
	return s, s.ceiling(said)
}

// ceiling takes over what bench/ceiling has printed.
func (s *sample) ceiling(said []byte) error {
	var r ceilingResult
	if err := json.Unmarshal(said, &r); err != nil {
		return fmt.Errorf("ceiling printed %q: %w", said, err)
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
