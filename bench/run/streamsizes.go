package main

import (
	"fmt"

	"lagermeister/bench/load"
)

// streamSizes is whether the cost of a record depends on how much is stored already.
func streamSizes() row {
	const (
		empty = "lagermeister, empty stream"
		full  = "lagermeister, stream of 2 GiB, of 20 with -long"
	)
	return row{
		name: "stream-sizes", title: "tcp_receiver, 300 B, 16 connections, from an empty stream on",
		systems: []system{
			receive(empty, fsyncDefault, 300, 16),
			{full, func(l *lab, _ round) (s sample, err error) {
				gib := int64(2)
				if l.long {
					gib = 20
				}
				return receiveBehind(l, gib<<30)
			}},
		},
		goals: []goal{{what: "CPU for a record on the full stream, times that on the empty one", of: cpuOver(full, empty), atMost: 1.2}},
	}
}

// receiveBehind measures a receiver whose stream holds so many bytes, and goes on
// as it was filled.
func receiveBehind(l *lab, bytes int64) (s sample, err error) {
	in, err := l.tcpIntake(fsyncDefault, fmt.Sprintf("TCPRCVR_STREAM_MAX_BYTES=%d", bytes+16<<30))
	if err != nil {
		return s, err
	}
	defer in.stop()
	before, _, err := l.fill(in, load.Load{Connections: 16, Count: bytes / 300}, 300, "stored")
	if err != nil {
		return s, err
	}
	if before.Failed != "" {
		return s, fmt.Errorf("filling the stream: %s", before.Failed)
	}
	s, run, err := l.fill(in, load.Load{Connections: 16, Duration: l.seconds}, 300, "stored")
	if err != nil {
		return s, err
	}
	return s, l.check(in, &s, run)
}
