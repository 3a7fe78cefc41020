package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"lagermeister/bench/count"
)

// patience is how long nothing may arrive until what is missing counts as lost.
const patience = 15 * time.Second

// meter is what processes and machine had used when a run began.
type meter struct {
	parts []*process
	began time.Time
	cpu   map[string]float64
	self  float64
	busy  float64
	load  float64

	profiles sync.WaitGroup
}

// meter begins to measure. It takes CPU profiles too when they are wanted; stop
// waits for them.
func (l *lab) meter(parts []*process) (*meter, error) {
	m := &meter{began: time.Now(), cpu: map[string]float64{}, load: loadAverage()}
	for _, p := range parts {
		l.add(m, p)
	}
	return m, m.read(m.cpu, &m.self, &m.busy)
}

// add measures one more process, all of its time.
func (l *lab) add(m *meter, p *process) {
	m.parts = append(m.parts, p)
	if l.profiles != "" && p.admin != "" {
		file := filepath.Join(l.profiles, fmt.Sprintf("%s-%d-%s.pprof", l.row, l.runs, p.name))
		m.profiles.Go(func() { p.profile(l.seconds, file) })
	}
}

// stop ends a meter.
func (m *meter) stop() { m.profiles.Wait() }

func (m *meter) read(cpu map[string]float64, self, busy *float64) (err error) {
	for _, p := range m.parts {
		if cpu[p.name], err = p.cpu(); err != nil {
			return fmt.Errorf("%s has ended: %w; see what it printed in %s", p.name, err, p.log)
		}
	}
	if *self, err = readProc(cpuSeconds, "/proc/self/stat"); err != nil {
		return err
	}
	*busy, err = readProc(busySeconds, "/proc/stat")
	return err
}

// sample is what was used since then.
func (m *meter) sample() (s sample, err error) {
	s = sample{Load: m.load, CPU: map[string]float64{}, Memory: map[string]memory{}}
	var self, busy float64
	if err := m.read(s.CPU, &self, &busy); err != nil {
		return s, err
	}
	s.Own = self - m.self
	others := busy - m.busy - s.Own
	for _, p := range m.parts {
		s.CPU[p.name] -= m.cpu[p.name]
		others -= s.CPU[p.name]
		if s.Memory[p.name], err = p.memory(); err != nil {
			return s, err
		}
	}
	s.Others = max(0, others/time.Since(m.began).Seconds())
	return s, nil
}

// command is the same for one that has run to its end in the meantime, with all
// that it has waited for.
func (m *meter) command(cmd *exec.Cmd) (s sample, err error) {
	if s, err = m.sample(); err == nil {
		used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		s.Others = max(0, s.Others-used.Seconds()/time.Since(m.began).Seconds())
	}
	return s, err
}

// arrived adds what a tally has seen of what was sent since began.
func (s *sample) arrived(sent int64, began time.Time, c count.Count) {
	s.Sent, s.Arrived, s.Doubled, s.Damaged = sent, c.Unique, c.Doubled, c.Damaged
	s.Seconds = c.Last.Sub(began).Seconds()
	if c.Unique != sent || c.Doubled != 0 || c.Damaged != 0 {
		s.Failed = fmt.Sprintf("%d records sent, %d arrived, %d of them twice, %d were damaged", sent, c.Unique, c.Doubled, c.Damaged)
	}
}

// await waits until a tally has seen n records, or nothing new for as long as
// patience, and a moment longer for what arrives twice.
func await(t *count.Tally, n int64) count.Count {
	var before int64
	for since := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		c := t.Count()
		if c.Unique != before {
			before, since = c.Unique, time.Now()
		}
		if c.Unique >= n || time.Since(since) > patience {
			time.Sleep(200 * time.Millisecond)
			return t.Count()
		}
	}
}

// loadAverage is the machine's, of the last minute.
func loadAverage() float64 {
	text, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(text), " ")
	load, _ := strconv.ParseFloat(first, 64)
	return load
}
