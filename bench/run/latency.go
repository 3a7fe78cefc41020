package main

import (
	"time"

	"lagermeister/bench/count"
	"lagermeister/bench/load"
)

// batchTimeout is es_subscriber's in the row of latency.
const batchTimeout = 100 * time.Millisecond

func latency() row {
	timeout := milliseconds(batchTimeout)
	return row{
		name: "latency", title: "Latency from client to sink, 1,000 records/s of 3 kB over 10 connections, batch timeout 100 ms, fsync",
		systems: []system{{ours, func(l *lab, _ round) (s sample, err error) {
			f, err := suite(l, fsyncAlways, "ESSUB_BATCH_TIMEOUT="+batchTimeout.String())
			if err != nil {
				return s, err
			}
			defer f.stop()
			return l.pace(f, load.Load{Connections: 10, Duration: l.seconds, Rate: 1000}, 3000, true)
		}}},
		goals: []goal{
			{what: "p50, ms", of: valueOf(ours, "p50, ms"), atMost: timeout/2 + 10},
			{what: "p99, ms", of: valueOf(ours, "p99, ms"), atMost: timeout + 50},
		},
	}
}

// pace sends as o says, its template and address set here. With latencies it
// keeps how long each record was on its way.
func (l *lab) pace(f *forwarder, o load.Load, size int, latencies bool) (s sample, err error) {
	run, tally := l.tally(latencies)
	o.Address = f.address
	if o.Template, err = f.template(run, size); err != nil {
		return s, err
	}
	m, err := l.meter(f.parts)
	if err != nil {
		return s, err
	}
	defer m.stop()
	sent, err := load.TCP(l.ctx, o)
	if err != nil {
		return s, err
	}
	got := await(tally, sent.Records)
	if s, err = m.sample(); err != nil {
		return s, err
	}
	s.arrived(sent.Records, sent.Began, got)
	if !latencies {
		return s, nil
	}
	delays := tally.Latencies()
	s.set("p50, ms", milliseconds(count.Percentile(delays, 0.5)))
	s.set("p99, ms", milliseconds(count.Percentile(delays, 0.99)))
	s.set("most, ms", milliseconds(count.Percentile(delays, 1)))
	return s, nil
}
