package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"lagermeister/bench/load"
	"lagermeister/bench/record"
)

// Match specs of the rows.
const (
	rejectAll = `Type == "nobody's"`
	realistic = `Type == "bench" && Logger != "nginx" && Severity <= 6 && Pid > 0 && Hostname =~ /^bench-[a-z]+$/`
)

func matching() row {
	const (
		rejecting = "lagermeister, a spec that rejects everything"
		checking  = "ceiling, reads and validates"
		reading   = "ceiling, reads"
		plain     = "lagermeister, no spec"
		five      = "lagermeister, five terms with a regex"
	)
	return row{
		name: "match", title: "Match specs, 300 B, one connection",
		systems: []system{
			{rejecting, func(l *lab, _ round) (s sample, err error) {
				in, err := l.tcpIntake(fsyncDefault, "TCPRCVR_MATCH_SPEC="+rejectAll)
				if err != nil {
					return s, err
				}
				defer in.stop()
				s, _, err = l.fill(in, load.Load{Connections: 1, Duration: l.seconds}, 300, "filtered")
				return s, err
			}},
			readCeiling(checking, "-check"),
			readCeiling(reading),
			receive(plain, fsyncDefault, 300, 1),
			receive(five, fsyncDefault, 300, 1, "TCPRCVR_MATCH_SPEC="+realistic),
		},
		goals: []goal{
			{what: "rejecting everything: rate, times that of reading and validating", of: rateOver(rejecting, checking), atLeast: 0.8},
			{what: "rejecting everything: rate, times that of reading alone", of: rateOver(rejecting, reading), atLeast: 0.8},
			{
				what: "five terms with a regex: CPU s/M of the receiver more than without", atMost: 0.4,
				of: func(r round) float64 { return r[five].cpuOf("tcp_receiver") - r[plain].cpuOf("tcp_receiver") },
			},
		},
	}
}

// readCeiling is a program that takes frames and keeps nothing.
func readCeiling(name string, args ...string) system {
	return system{name, func(l *lab, _ round) (s sample, err error) {
		address := freeAddress()
		p, err := l.ceilingServer(append([]string{"read", "-addr", address}, args...)...)
		if err != nil {
			return s, err
		}
		defer p.stop()
		if err := p.listens(address); err != nil {
			return s, err
		}
		template, err := record.Frame(1, 300)
		if err != nil {
			return s, err
		}
		if _, err = load.TCP(l.ctx, load.Load{Address: address, Template: template, Connections: 1, Duration: l.seconds}); err != nil {
			return s, err
		}
		return p.result()
	}}
}

// ceilingServer starts a command of bench/ceiling that works until it is told to stop.
func (l *lab) ceilingServer(args ...string) (*process, error) {
	path, err := l.binary("./bench/ceiling")
	if err != nil {
		return nil, err
	}
	return start(l.dir, "ceiling", path, nil, args...)
}

// result tells a server of bench/ceiling to stop, once it has read what it was
// sent, and takes over what it prints.
func (p *process) result() (s sample, err error) {
	s.Load = loadAverage()
	time.Sleep(300 * time.Millisecond) // what the kernel still holds of closed connections
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return s, err
	}
	if err := p.cmd.Wait(); err != nil {
		return s, fmt.Errorf("%s: %w; see %s", p.name, err, p.log)
	}
	said, err := os.ReadFile(filepath.Join(filepath.Dir(p.log), p.name+".out"))
	if err != nil {
		return s, err
	}
	return s, s.ceiling(said)
}
