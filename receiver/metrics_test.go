package receiver

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lagermeister/stats"
)

// told collects events, in short.
type told struct {
	mu     sync.Mutex
	events []string
}

func (s *told) Publish(_ string, data []byte) error {
	e, err := stats.ParseEvent(data)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, fmt.Sprint(e.Sender, " ", e.MetricType, " ", e.Value, " ", e.Aggregate))
	return err
}

func (s *told) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	events := s.events
	s.events = nil
	return events
}

func TestDashboardIsToldEachSecondWhatAReceiverDid(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMetrics(prometheus.NewRegistry(), "tcp")
		out := &told{}
		rep := stats.NewReporter(out, "stats", "web-1", quiet())
		m.report(rep, stats.TCPReceiver)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- rep.Run(ctx) }()
		check := func(when string, want ...string) {
			t.Helper()
			time.Sleep(time.Second)
			synctest.Wait()
			for i := range want {
				want[i] = "tcp-receiver " + want[i]
			}
			if got := out.take(); !slices.Equal(got, want) {
				t.Errorf("%s: told %q, want %q", when, got, want)
			}
		}
		check("before anything came", "Throughput 0 ")
		m.connections.Add(2)
		busy := tally{received: 10, framed: 3000, kept: 7, filtered: 1}
		busy.refused[hostname], busy.refused[unsigned] = 1, 1
		m.add(&busy)
		check("busy", "Throughput 10 ", "ThroughputBytes 3000 Total", "Storing 7 ", "Filtered 1 Total", "Rejected 2 Total", "Rejected.hostname 1 Total", "Rejected.unsigned 1 Total", "Connections 2 ")
		m.settled(3, nil)
		check("a part is stored", "Throughput 0 ", "ThroughputBytes 0 Total", "Stored 3 Total", "Storing 4 ", "Filtered 0 Total", "Rejected 0 Total", "Rejected.hostname 0 Total", "Rejected.unsigned 0 Total", "Connections 2 ")
		m.settled(4, context.Canceled)
		check("the rest is given up", "Throughput 0 ", "Stored 0 Total", "Storing 0 ", "Rejected 4 Total", "Rejected.unavailable 4 Total", "Connections 2 ")
		m.connections.Add(-2)
		check("quiet", "Throughput 0 ", "Rejected 0 Total", "Rejected.unavailable 0 Total", "Connections 0 ")
		check("still quiet", "Throughput 0 ")
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestBytesOfFramesAreCountedWhateverBecomesOfThem(t *testing.T) {
	t.Parallel()
	good, bad := frame("payload"), []byte{0x1E, 2, 0x08, 1, 0x1F, 0xFF}
	both := uint64(len(good) + len(bad))

	in := testIntake(t, nopPublisher{})
	stream := bytes.Join([][]byte{[]byte("garbage"), good, []byte("more"), bad, good[:len(good)-1]}, nil)
	_, t1, rest, _ := in.sift(stream)
	if t1.received != 2 || t1.garbage != 11 || len(rest) != len(good)-1 {
		t.Fatalf("%+v, %d bytes left", t1, len(rest))
	}
	if n := in.framed.Load(); n != both {
		t.Errorf("%d bytes of frames came over TCP, want %d", n, both)
	}

	in = testIntake(t, nopPublisher{})
	if _, _, _, no := in.siftAll(bytes.Join([][]byte{good, bad, good}, nil)); no == nil {
		t.Fatal("not refused")
	}
	if n := in.framed.Load(); n != both {
		t.Errorf("%d bytes of frames were looked at of a refused request, want %d", n, both)
	}
}

func TestTotalsAddUpWhileRecordsMove(t *testing.T) {
	t.Parallel()
	m := newMetrics(prometheus.NewRegistry(), "tcp")
	const movers, rounds = 4, 2000
	var moving sync.WaitGroup
	for range movers {
		moving.Go(func() {
			for range rounds {
				seen := tally{received: 10, kept: 7, filtered: 1}
				seen.refused[hostname] = 2
				m.add(&seen)
				m.settled(4, nil)
				m.settled(3, context.Canceled)
			}
		})
	}
	ended := make(chan struct{})
	go func() { moving.Wait(); close(ended) }()
	adds := func() stats.Totals {
		n := m.totals()
		if n.Received != n.Stored+n.Filtered+n.Rejected+n.InFlight {
			t.Errorf("they do not add up: %+v", n)
		}
		return n
	}
	for going := true; going && !t.Failed(); {
		adds()
		select {
		case <-ended:
			going = false
		default:
		}
	}
	<-ended
	const all = movers * rounds
	if n, want := adds(), (stats.Totals{Received: 10 * all, Stored: 4 * all, Filtered: all, Rejected: 5 * all}); n != want {
		t.Errorf("at the end: %+v, want %+v", n, want)
	}
}
