package main

import (
	"fmt"
	"net"
	"sync"
	"time"

	"lagermeister/bench/load"
)

// How many connections are idle, and how many are opened at a time.
const (
	idleConnections = 10_000
	dialers         = 16
)

func idle() row {
	const (
		busy  = "lagermeister, 50 busy connections"
		among = "lagermeister, the same among 10,000 idle ones"
	)
	return row{
		name: "idle", title: "tcp_receiver with 10,000 idle connections, 300 B",
		systems: []system{receive(busy, fsyncDefault, 300, 50), {among, busyAmongIdle}},
		goals: []goal{
			{what: "memory for the idle ones, MiB", of: valueOf(among, "more memory, MiB"), atMost: 60},
			{what: "connections accepted/s", of: valueOf(among, "accepted/s"), atLeast: 5000},
			{what: "rate of the busy ones, times that without", of: rateOver(among, busy), atLeast: 0.95},
		},
	}
}

// busyAmongIdle opens idle connections, then measures a receiver as without.
func busyAmongIdle(l *lab, _ round) (s sample, err error) {
	in, err := l.tcpIntake(fsyncDefault)
	if err != nil {
		return s, err
	}
	defer in.stop()
	before, err := in.receiver.memory()
	if err != nil {
		return s, err
	}
	began := time.Now()
	open, err := dial(in.address, idleConnections)
	defer func() {
		for _, conn := range open {
			conn.Close()
		}
	}()
	if err != nil {
		return s, err
	}
	err = in.receiver.until(func() error {
		n, err := in.receiver.metric("lagermeister_receiver_connections")
		if err == nil && n < idleConnections {
			err = fmt.Errorf("%.0f of %d connections are open", n, idleConnections)
		}
		return err
	})
	if err != nil {
		return s, err
	}
	accepted := idleConnections / time.Since(began).Seconds()
	after, err := in.receiver.memory()
	if err != nil {
		return s, err
	}
	s, run, err := l.fill(in, load.Load{Connections: 50, Duration: l.seconds}, 300, "stored")
	if err != nil {
		return s, err
	}
	s.set("accepted/s", accepted)
	s.set("more memory, MiB", after.Now-before.Now)
	return s, l.check(in, &s, run)
}

// dial opens n connections, several at a time. Those that it opened are returned
// with an error too.
func dial(address string, n int) (open []net.Conn, err error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range dialers {
		wg.Go(func() {
			for range (n + i) / dialers {
				conn, failure := net.Dial("tcp", address)
				mu.Lock()
				if failure != nil {
					err = fmt.Errorf("idle connection %d of %d: %w", len(open)+1, n, failure)
					mu.Unlock()
					return
				}
				open = append(open, conn)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return open, err
}
