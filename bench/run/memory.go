package main

import (
	"fmt"
	"math"
	"time"

	"lagermeister/bench/load"
	"lagermeister/bench/record"
)

// share is how much of what a forwarder can carry is sent to it for minutes: all
// would fill the stream, and then the receiver waits most of the time.
const share = 0.8

func memoryTCP() row {
	return memoryRow("memory", "Memory of tcp_receiver and es_subscriber, 300 B, 50 connections, fsync", "tcp_receiver", "es_subscriber", loadTCP)
}

func memoryHTTP() row {
	return memoryRow("memory-http", "Memory of http_receiver and http_subscriber, one record of 300 B a request, 50 connections, fsync",
		"http_receiver", "http_subscriber", loadHTTP)
}

// memoryRow demands of two programs that they stay small and do not grow.
func memoryRow(name, title, receiver, subscriber string, measure func(*lab) (sample, error)) row {
	r := row{
		name: name, title: title + ", for one minute, 10 with -long",
		systems: []system{{ours, func(l *lab, _ round) (sample, error) { return measure(l) }}},
	}
	for _, program := range []string{receiver, subscriber} {
		r.goals = append(r.goals,
			goal{what: program + ": most, MiB", atMost: 100, of: func(r round) float64 {
				if m, ok := r[ours].Memory[program]; ok {
					return m.Peak
				}
				return math.NaN()
			}},
			goal{what: program + ": last quarter, times the second one", of: valueOf(ours, program+", growth"), atMost: 1.1},
		)
	}
	return r
}

// minutes is how long memory is watched.
func (l *lab) minutes() time.Duration {
	if l.long {
		return 10 * time.Minute
	}
	return time.Minute
}

func loadTCP(l *lab) (s sample, err error) {
	f, err := suite(l, fsyncAlways)
	if err != nil {
		return s, err
	}
	defer f.stop()
	most, err := l.saturate(f, 300, 50)
	if err != nil {
		return s, err
	}
	if most.Failed != "" {
		return s, fmt.Errorf("before: %s", most.Failed)
	}
	defer watch(f.parts).stop(&s)
	return l.pace(f, load.Load{Connections: 50, Duration: l.minutes(), Rate: share * most.rate()}, 300, false)
}

// loadHTTP sends as fast as requests are answered: each client waits for its own.
func loadHTTP(l *lab) (s sample, err error) {
	in, err := l.intake("http_receiver", "RCVR", fsyncAlways)
	if err != nil {
		return s, err
	}
	defer in.stop()
	subscriber, err := l.program("http_subscriber", "SUB", "SUB_NATS_URL="+in.url, "SUB_REMOTE_URL=http://"+l.sink.Addr()+"/", "SUB_DELIVER_ALL=true", "SUB_BATCH_SIZE=1000", "SUB_BATCH_TIMEOUT=500ms")
	defer subscriber.stop()
	if err != nil {
		return s, err
	}
	parts := append(in.parts(), subscriber)
	run, tally := l.tally(false)
	message, err := record.Message(run, 300)
	if err != nil {
		return s, err
	}
	m, err := l.meter(parts)
	if err != nil {
		return s, err
	}
	defer m.stop()
	defer watch(parts).stop(&s)
	sent, err := load.HTTP(l.ctx, load.Load{
		Address: in.address, Template: record.Post(message, in.address, "application/octet-stream"), Connections: 50, Duration: l.minutes(),
	})
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

// watcher looks at the memory of processes once a second.
type watcher struct {
	seen map[string][]float64 // by process, MiB
	end  chan struct{}
	done chan struct{}
}

func watch(parts []*process) *watcher {
	w := &watcher{seen: map[string][]float64{}, end: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(w.done)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			for _, p := range parts {
				if m, err := p.memory(); err == nil {
					w.seen[p.name] = append(w.seen[p.name], m.Now)
				}
			}
			select {
			case <-w.end:
				return
			case <-tick.C:
			}
		}
	}()
	return w
}

// stop ends it and keeps by how much each process has grown.
func (w *watcher) stop(s *sample) {
	close(w.end)
	<-w.done
	for name, seen := range w.seen {
		s.set(name+", growth", growth(seen))
	}
}

// growth is the median of the last quarter, times that of the second one.
func growth(seen []float64) float64 {
	n := len(seen)
	return median(seen[n-n/4:]) / median(seen[n/4:n/2])
}
