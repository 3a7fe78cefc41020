package main

import (
	"fmt"

	"lagermeister/bench/load"
)

// fullStream is es_subscriber alone: the stream is full before it starts.
func fullStream() row {
	return row{
		name: "full-stream", title: "es_subscriber from a full stream to a sink that answers at once, 300 B",
		systems: []system{{ours, drain}},
		goals:   []goal{{what: "records/s", of: rateOf(ours), atLeast: 400_000}},
	}
}

// drain fills a stream, then starts es_subscriber. Its time begins with the first
// records at the sink.
func drain(l *lab, _ round) (s sample, err error) {
	in, err := l.tcpIntake(fsyncAlways)
	if err != nil {
		return s, err
	}
	defer in.stop()
	stored, run, err := l.fill(in, load.Load{Connections: 16, Count: int64(400_000 * l.seconds.Seconds())}, 300, "stored")
	if err != nil {
		return s, err
	}
	if stored.Failed != "" {
		return s, fmt.Errorf("filling the stream: %s", stored.Failed)
	}
	tally := l.expect(run, false)
	m, err := l.meter([]*process{in.broker})
	if err != nil {
		return s, err
	}
	defer m.stop()
	subscriber, err := l.program("es_subscriber", "ESSUB", "ESSUB_NATS_URL="+in.url,
		"ESSUB_REMOTE_URL=http://"+l.sink.Addr(), "ESSUB_INDEX_TEMPLATE=false")
	defer subscriber.stop()
	if err != nil {
		return s, err
	}
	l.add(m, subscriber)
	got := await(tally, stored.Sent)
	if s, err = m.sample(); err != nil {
		return s, err
	}
	s.arrived(stored.Sent, got.First, got)
	return s, nil
}
