package main

import (
	"fmt"
	"time"
)

// generator is our own log_generator, which must not be what limits a test.
func generator() row {
	const ours = "log_generator"
	return row{
		name: "generator", title: "log_generator, 300 B, one connection, to a program that reads and keeps nothing",
		systems: []system{{ours, generate}},
		goals: []goal{
			{what: "records/s", of: rateOf(ours), atLeast: 1_000_000},
			{what: "CPU s/M", of: func(r round) float64 { return r[ours].cpuPerMillion() }, atMost: 0.6},
		},
	}
}

func generate(l *lab, _ round) (s sample, err error) {
	path, err := l.binary("./log_generator")
	if err != nil {
		return s, err
	}
	reader, err := l.serve("read")
	if err != nil {
		return s, err
	}
	defer reader.stop()
	records := int64(1e6 * l.seconds.Seconds())
	began := time.Now()
	p, err := start(l.dir, "log_generator", path, []string{"GEN_ADDRESS=" + reader.address, "GEN_RATE=0", fmt.Sprint("GEN_COUNT=", records)})
	if err != nil {
		return s, err
	}
	defer p.stop()
	if err := p.cmd.Wait(); err != nil {
		return s, fmt.Errorf("log_generator: %w; see %s", err, p.log)
	}
	seconds := time.Since(began).Seconds()
	used := (p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()).Seconds()
	if s, err = reader.result(); err != nil {
		return s, err
	}
	s.Sent, s.Seconds, s.CPU, s.Memory = records, seconds, map[string]float64{"log_generator": used}, nil
	s.Others = max(0, s.Others-used/seconds)
	if s.Arrived != s.Sent {
		s.Failed = fmt.Sprintf("%d records sent, %d arrived", s.Sent, s.Arrived)
	}
	return s, nil
}
