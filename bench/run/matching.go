package main

import (
	"lagermeister/bench/load"
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
