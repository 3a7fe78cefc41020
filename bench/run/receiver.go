package main

import (
	"fmt"
	"strings"

	"lagermeister/bench/load"
)

// The systems of the rows about receivers.
const (
	ceilingBlocks = "ceiling, blocks"
	ceilingLean   = "ceiling, a message each"
)

// receiverOn is the name of ours with so many connections.
func receiverOn(connections int) string {
	if connections == 1 {
		return "lagermeister, one connection"
	}
	return fmt.Sprintf("lagermeister, %d connections", connections)
}

// receive is tcp_receiver with broker, as fast as it takes records. What it has
// stored is read back when the time is over.
func receive(name string, sync fsync, size, connections int, env ...string) system {
	return system{name, func(l *lab, _ round) (s sample, err error) {
		in, err := l.tcpIntake(sync, env...)
		if err != nil {
			return s, err
		}
		defer in.stop()
		s, run, err := l.fill(in, load.Load{Connections: connections, Duration: l.seconds}, size, "stored")
		if err != nil {
			return s, err
		}
		return s, l.check(in, &s, run)
	}}
}

func receiver300() row {
	return receivers("receiver-300", "tcp_receiver, 300 B", 300, 0.70, 0.72, 0.55)
}

func receiver3000() row {
	return receivers("receiver-3000", "tcp_receiver, 3 kB", 3000, 0.90, 0.88, 3.2)
}

// receivers compares blocks of one and of 16 connections with the ceiling.
func receivers(name, title string, size int, rate, ratio, cpu float64) row {
	r := row{
		name: name, title: title,
		systems: []system{
			receive(receiverOn(1), fsyncDefault, size, 1),
			publishCeiling(ceilingBlocks, "packed", size),
			receive(receiverOn(16), fsyncDefault, size, 16),
		},
	}
	for _, n := range []int{1, 16} {
		on := receiverOn(n)
		connections := strings.TrimPrefix(on, "lagermeister, ") + ": "
		r.goals = append(r.goals,
			goal{what: connections + "rate, times the ceiling's", of: rateOver(on, ceilingBlocks), atLeast: rate},
			goal{what: connections + "the ceiling's CPU for a record, times that of receiver and broker", of: cpuOver(ceilingBlocks, on), atLeast: ratio},
			goal{what: connections + "CPU of the receiver, s/M", of: func(r round) float64 { return r[on].cpuOf("tcp_receiver") }, atMost: cpu},
			goal{what: connections + "heap allocations a record", of: valueOf(on, "allocations a record"), atMost: 0.02},
		)
	}
	return r
}

func fsyncOneConnection() row {
	return row{
		name: "fsync-one-connection", title: "tcp_receiver, 300 B, one connection, fsync, one replica",
		systems: []system{receive(ours, fsyncAlways, 300, 1)},
		goals:   []goal{{what: "records/s", of: rateOf(ours), atLeast: 200_000}},
	}
}

func messageFormat() row {
	const each = "lagermeister, a message each"
	return row{
		name: "message", title: "tcp_receiver with PUBLISH_FORMAT=message, 300 B, one connection",
		systems: []system{
			receive(each, fsyncDefault, 300, 1, "TCPRCVR_PUBLISH_FORMAT=message"),
			publishCeiling(ceilingLean, "lean", 300),
		},
		goals: []goal{{what: "rate, times the ceiling's", of: rateOver(each, ceilingLean), atLeast: 0.86}},
	}
}

// connections is whether the cost of a record depends on their number.
func connections() row {
	numbers := []int{1, 10, 100, 1000}
	r := row{name: "connections", title: "tcp_receiver, 300 B, 1 to 1,000 connections"}
	for _, n := range numbers {
		r.systems = append(r.systems, receive(receiverOn(n), fsyncDefault, 300, n))
	}
	for _, n := range numbers[1:] {
		r.goals = append(r.goals, goal{
			what: fmt.Sprintf("records for a CPU second over %d connections, times that over one", n),
			of:   cpuOver(receiverOn(1), receiverOn(n)), atLeast: 0.8,
		})
	}
	return r
}
