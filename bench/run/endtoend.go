package main

import (
	"lagermeister/bench/load"
)

// The systems of the rows that go from a socket to the sink.
const (
	ours        = "lagermeister, fsync"
	oursDefault = "lagermeister, default sync"
	plainFile   = "plain file, fsync"
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

func endToEnd3000() row {
	return row{
		name: "end-to-end-3000", title: "End to end, 3 kB, 50 connections",
		systems: []system{
			throughput(ours, 3000, 50, withFsync),
			{plainFile, func(l *lab, r round) (sample, error) {
				return l.plainFile(3000, r[ours].value("block, bytes"))
			}},
			throughput(rsyslog.name, 3000, 50, rsyslog.start),
			throughput(oursDefault, 3000, 50, withDefaultSync),
			throughput(syslogNG.name, 3000, 50, syslogNG.start),
		},
		goals: []goal{
			{what: "fsync: rate, times rsyslog's", of: rateOver(ours, rsyslog.name), atLeast: 0.8},
			{what: "fsync: rate, times that of a plain file with fsync after blocks of the same size", of: rateOver(ours, plainFile), atLeast: 0.6},
			{what: "fsync: CPU for a record, times rsyslog's", of: cpuOver(ours, rsyslog.name), atMost: 0.9},
			{what: "default sync: rate, times rsyslog's", of: rateOver(oursDefault, rsyslog.name), atLeast: 1.3},
			{what: "default sync: CPU for a record, times rsyslog's", of: cpuOver(oursDefault, rsyslog.name), atMost: 0.8},
		},
	}
}

// original is what the first Lagermeister makes with its file store, end to end
// over one connection with records of 3 kB, on a machine of two CPUs; records a
// second. It cannot be run beside ours any more.
const original = 885

func oneConnection() row {
	return row{
		name: "one-connection", title: "End to end, 3 kB, one connection",
		systems: []system{throughput(ours, 3000, 1, withFsync)},
		goals: []goal{{
			what: "fsync: rate, times the first Lagermeister's 885 records/s", atLeast: 40,
			of: func(r round) float64 { return r[ours].rate() / original },
		}},
	}
}

func withFsync(l *lab) (*forwarder, error)       { return suite(l, fsyncAlways) }
func withDefaultSync(l *lab) (*forwarder, error) { return suite(l, fsyncDefault) }

// throughput sends through a forwarder as fast as it takes records.
func throughput(name string, size, connections int, start func(*lab) (*forwarder, error)) system {
	return system{name, func(l *lab, _ round) (s sample, err error) {
		f, err := start(l)
		if err != nil {
			return s, err
		}
		defer f.stop()
		s, err = l.saturate(f, size, connections)
		if err == nil && f.receiver != nil {
			err = s.blocks(f.receiver)
		}
		return s, err
	}}
}

// saturate sends for as long as a run takes, and waits until all has arrived.
func (l *lab) saturate(f *forwarder, size, connections int) (s sample, err error) {
	run, tally := l.tally(false)
	template, err := f.template(run, size)
	if err != nil {
		return s, err
	}
	m, err := l.meter(f.parts)
	if err != nil {
		return s, err
	}
	defer m.stop()
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

// blocks keeps how large the blocks are that a receiver has stored.
func (s *sample) blocks(receiver *process) error {
	bytes, err := receiver.metric("lagermeister_publisher_stored_bytes_total")
	if err != nil {
		return err
	}
	blocks, err := receiver.metric("lagermeister_publisher_stored_blocks_total")
	if err == nil && blocks > 0 {
		s.set("block, bytes", bytes/blocks)
	}
	return err
}
