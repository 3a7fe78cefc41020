package main

import (
	"lagermeister/bench/load"
)

// The systems of the rows that go from a socket to the sink.
const (
	ours        = "lagermeister, fsync"
	oursDefault = "lagermeister, default sync"
)

func endToEnd300() row {
	return row{
		name: "end-to-end-300", title: "End to end, 300 B, 50 connections",
		systems: []system{
			throughput(ours, 300, 50, withFsync),
			throughput(rsyslog.name, 300, 50, rsyslog.start),
			throughput(oursDefault, 300, 50, withDefaultSync),
			throughput(syslogNG.name, 300, 50, syslogNG.start),
		},
		goals: []goal{
			{what: "fsync: rate, times rsyslog's", of: rateOver(ours, rsyslog.name), atLeast: 2.0},
			{what: "fsync: CPU for a record, times rsyslog's", of: cpuOver(ours, rsyslog.name), atMost: 0.30},
			{what: "default sync: rate, times rsyslog's", of: rateOver(oursDefault, rsyslog.name), atLeast: 2.3},
		},
	}
}

func withFsync(l *lab) (*forwarder, error)       { return suite(l, fsyncAlways) }
func withDefaultSync(l *lab) (*forwarder, error) { return suite(l, fsyncDefault) }

// throughput sends through a forwarder as fast as it takes records.
func throughput(name string, size, connections int, start func(*lab) (*forwarder, error)) system {
	return system{name, func(l *lab) (s sample, err error) {
		f, err := start(l)
		if err != nil {
			return s, err
		}
		defer f.stop()
		return l.saturate(f, size, connections)
	}}
}

// saturate sends for as long as a run takes, and waits until all has arrived.
func (l *lab) saturate(f *forwarder, size, connections int) (s sample, err error) {
	run, tally := l.tally(false)
	template, err := f.template(run, size)
	if err != nil {
		return s, err
	}
	m, err := newMeter(f.parts)
	if err != nil {
		return s, err
	}
	sent, err := load.TCP(l.ctx, load.Load{Address: f.address, Template: template, Connections: connections, Duration: l.seconds})
	if err != nil {
		return s, err
	}
	got := await(tally, sent.Records)
	if s, err = m.sample(); err != nil {
		return s, err
	}
	s.arrived(sent.Records, sent.Began, got)
	return s, nil
}
