package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"lagermeister/bench/count"
	"lagermeister/bench/load"
	"lagermeister/bench/record"
)

// requests a second that are enough, whatever net/http can do.
const enoughRequests = 50_000

func overHTTP() row {
	const nothing = "ceiling, stores nothing"
	return row{
		name: "http", title: "http_receiver, one record of 300 B a request, 50 connections, fsync",
		systems: []system{
			{ours, func(l *lab, _ round) (sample, error) { return l.post(50, 0) }},
			{nothing, storesNothing},
		},
		goals: []goal{{
			what:    "requests/s, times 50,000 or 0.7 of a handler that stores nothing, whichever is lower",
			of:      func(r round) float64 { return r[ours].rate() / min(enoughRequests, 0.7*r[nothing].rate()) },
			atLeast: 1,
		}},
	}
}

// post sends requests to http_receiver, each when the one before on its
// connection was answered, and reads back what was stored.
func (l *lab) post(connections int, rate float64) (s sample, err error) {
	in, err := l.intake("http_receiver", "RCVR", fsyncAlways)
	if err != nil {
		return s, err
	}
	defer in.stop()
	l.runs++
	run := l.runs
	m, err := l.meter(in.parts())
	if err != nil {
		return s, err
	}
	defer m.stop()
	sent, err := l.requests(in.address, run, connections, rate)
	if err != nil {
		return s, err
	}
	if s, err = m.sample(); err != nil {
		return s, err
	}
	s.Sent, s.began = sent.Records, sent.Began
	s.answers(sent)
	if err := l.check(in, &s, run); err != nil {
		return s, err
	}
	s.Seconds = sent.Ended.Sub(sent.Began).Seconds()
	if sent.Refused > 0 && s.Failed == "" {
		s.Failed = fmt.Sprintf("%d of %d requests were refused", sent.Refused, sent.Refused+sent.Records)
	}
	return s, nil
}

func (l *lab) requests(address string, run uint32, connections int, rate float64) (load.Sent, error) {
	message, err := record.Message(run, 300)
	if err != nil {
		return load.Sent{}, err
	}
	return load.HTTP(l.ctx, load.Load{
		Address: address, Template: record.Post(message, address, "application/octet-stream"),
		Connections: connections, Duration: l.seconds, Rate: rate,
	})
}

// answers keeps how long they took.
func (s *sample) answers(sent load.Sent) {
	slices.Sort(sent.Answers)
	s.set("p50, ms", milliseconds(count.Percentile(sent.Answers, 0.5)))
	s.set("p99, ms", milliseconds(count.Percentile(sent.Answers, 0.99)))
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1e3 }

// storesNothing is the same server with a handler that only reads.
func storesNothing(l *lab, _ round) (s sample, err error) {
	p, err := l.serve("http")
	if err != nil {
		return s, err
	}
	defer p.stop()
	sent, err := l.requests(p.address, 1, 50, 0)
	if err != nil {
		return s, err
	}
	s, err = p.result()
	s.Arrived, s.Seconds = sent.Records, sent.Ended.Sub(sent.Began).Seconds()
	s.answers(sent)
	return s, err
}

// latencyHTTP is what one client waits that sends one record at a time.
func latencyHTTP() row {
	const disk = "the disk, a write of 300 B with fsync"
	return row{
		name: "latency-http", title: "Latency over HTTP, one client, 300 B, fsync",
		systems: []system{
			{ours, func(l *lab, _ round) (sample, error) { return l.post(1, 0) }},
			{disk, func(l *lab, _ round) (sample, error) { return l.fsyncs(300) }},
		},
		goals: []goal{{
			what: "p50, ms more than one fsync of the disk", atMost: 0.5,
			of: func(r round) float64 { return r[ours].value("p50, ms") - r[disk].value("p50, ms") },
		}},
	}
}

// fsyncs writes to a file for as long as a run takes, with fsync after each write.
func (l *lab) fsyncs(size int) (s sample, err error) {
	f, err := os.Create(filepath.Join(l.dir, "fsync"))
	if err != nil {
		return s, err
	}
	defer f.Close()
	m, err := l.meter(nil)
	if err != nil {
		return s, err
	}
	var sent load.Sent
	text := make([]byte, size)
	for end := time.Now().Add(l.seconds); time.Now().Before(end); {
		began := time.Now()
		if _, err := f.Write(text); err != nil {
			return s, err
		}
		if err := f.Sync(); err != nil {
			return s, err
		}
		sent.Answers = append(sent.Answers, time.Since(began))
	}
	s, err = m.sample()
	s.answers(sent)
	return s, err
}
