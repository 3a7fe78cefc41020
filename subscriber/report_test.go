package subscriber

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lagermeister/heka/encode"
	"lagermeister/ledger"
	"lagermeister/sink"
	"lagermeister/stats"
)

// told collects events.
type told struct {
	mu     sync.Mutex
	events []stats.Event
}

func (s *told) Publish(_ string, data []byte) error {
	e, err := stats.ParseEvent(data)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
	return err
}

func (s *told) take() []stats.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	events := s.events
	s.events = nil
	return events
}

func TestDashboardIsToldEachSecondWhatAMemberDid(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		out := &told{}
		rep := stats.NewReporter(out, "stats", "web-1", quiet())
		m := &Subscriber{held: newHeld(), gate: newGate(1 << 20)}
		m.metrics = newMetrics(prometheus.NewRegistry(), testGroup, m.held, m.gate)
		var posts atomic.Int64
		r := newReport(rep, stats.ESOutput, m, posts.Load)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- rep.Run(ctx) }()
		check := func(when string, want ...string) {
			t.Helper()
			time.Sleep(time.Second)
			synctest.Wait()
			var got []string
			for _, e := range out.take() {
				if e.Sender != stats.ESOutput || e.SourceIP != "web-1" {
					t.Errorf("%s: %+v", when, e)
				}
				got = append(got, fmt.Sprint(e.MetricType, " ", e.Value, " ", e.Aggregate))
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%s: told\n%q, want\n%q", when, got, want)
			}
		}
		check("before anything came", "Lag 0 Max")
		for i := range 100 {
			r.posted(10, time.Duration(100-i)*time.Millisecond)
		}
		r.delivered(990, time.Time{})
		m.metrics.ended(ledger.Block{Delivered: 990, Filtered: 5, Dead: 10})
		d := deliverer{metrics: m.metrics, report: r}
		for _, status := range []int{503, 503, 418, 0} {
			d.retried(&sink.Error{Class: sink.Again, Status: status})
		}
		m.gate.pause(pauseSink, "status 404")
		m.gate.hold(true)
		posts.Store(4)
		check("busy", "BatchCount 100 Total", "BatchSize 10 Average", "DeadLettered 10 Total", "Delivered 990 Total",
			"DeliveryLatencyP50 50 Max", "DeliveryLatencyP95 95 Max", "DeliveryLatencyP99 99 Max",
			"Filtered 5 Total", "InFlight 4 ", "Lag 0 Max", "Paused.dead_letters 1 ", "Paused.sink 1 ", "Retried 4 Total", "Retried.4xx 1 Total", "Retried.503 2 Total", "Retried.none 1 Total", "Throughput 990 Total")
		posts.Store(0)
		m.gate.resume()
		m.gate.hold(false)
		check("quiet", "DeadLettered 0 Total", "Delivered 0 Total", "Filtered 0 Total", "InFlight 0 ", "Lag 0 Max", "Paused.dead_letters 0 ", "Paused.sink 0 ", "Retried 0 Total")
		check("still quiet", "Lag 0 Max")
		r.posted(1, 1234567*time.Nanosecond)
		check("one post, with nothing of those before", "BatchCount 1 Total", "BatchSize 1 Average",
			"DeliveryLatencyP50 1.234 Max", "DeliveryLatencyP95 1.234 Max", "DeliveryLatencyP99 1.234 Max", "Lag 0 Max")
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// Two groups of one program differ in nothing else, and the usual one is on the wire
// as it always was.
func TestEventsOfAGroupThatIsNotTheUsualOneNameIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ durable, qgroup, want string }{
		{"", "", ""}, {"http_subscriber", "", ""}, {"billing", "", "billing"}, {"a b", "c", "a_b_c"},
	} {
		synctest.Test(t, func(t *testing.T) {
			out := &told{}
			rep := stats.NewReporter(out, "stats", "web-1", quiet())
			cfg := Config{Durable: c.durable, QGroup: c.qgroup, Program: "http_subscriber"}
			m := &Subscriber{cfg: cfg, held: newHeld(), gate: newGate(1 << 20)}
			m.metrics = newMetrics(prometheus.NewRegistry(), cfg.Group(), m.held, m.gate)
			r := newReport(rep, stats.HTTPOutput, m, func() int64 { return 1 })
			r.posted(3, time.Second)
			r.delivered(3, time.Now())
			m.metrics.ended(ledger.Block{Filtered: 1, Dead: 1})
			m.metrics.retried(sink.Again)
			ended, end := context.WithCancel(t.Context())
			end()
			if err := rep.Run(ended); err != nil {
				t.Fatal(err)
			}
			events := out.take()
			if len(events) != 12 {
				t.Errorf("%q: %d events, want one of each metric", c.durable, len(events))
			}
			for _, e := range events {
				if e.Group != c.want {
					t.Errorf("%q, %q: %s is of group %q, want %q", c.durable, c.qgroup, e.MetricType, e.Group, c.want)
				}
			}
		})
	}
}

func TestTheNewestFailureOfTheFarEndIsToldInFewWords(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		out := &told{}
		rep := stats.NewReporter(out, "stats", "web-1", quiet())
		rep.Process(stats.Process{Started: time.Now()})
		m := &Subscriber{cfg: Config{Program: "es_subscriber"}, held: newHeld(), gate: newGate(1 << 20)}
		m.metrics = newMetrics(prometheus.NewRegistry(), m.cfg.Group(), m.held, m.gate)
		r := newReport(rep, stats.ESOutput, m, func() int64 { return 0 })
		ctx, end := context.WithCancel(t.Context())
		end()
		for _, c := range []struct{ why, want string }{
			{"", ""}, {"connection refused", "connection refused"}, {strings.Repeat("ä", 300), strings.Repeat("ä", 248) + "…"}, {"a\xffb", "a�b"},
		} {
			if c.why != "" {
				r.failed(errors.New(c.why))
			}
			if err := rep.Run(ctx); err != nil {
				t.Fatal(err)
			}
			events := out.take()
			last := events[len(events)-1]
			if last.MetricType != stats.Stopped || (last.Failure == nil) != (c.why == "") {
				t.Fatalf("%q: %+v", c.why, last)
			}
			if f := last.Failure; f != nil && (f.Text != c.want || len(f.Text) > stats.MaxFailure || f.At != time.Now().UnixMilli()) {
				t.Errorf("%q: %+v", c.why, f)
			}
		}
	})
}

func TestLatenciesAreBoundedAndTheLastOnesStay(t *testing.T) {
	t.Parallel()
	var l latencies
	for round := range 4 { // both buffers, new and used
		for i := range 3*latencyWindow + 7 {
			l.add(time.Duration(i))
		}
		got := l.take()
		slices.Sort(got)
		if len(got) != latencyWindow || got[0] != 2*latencyWindow+7 || got[latencyWindow-1] != 3*latencyWindow+6 {
			t.Fatalf("round %d: %d durations from %d to %d", round, len(got), got[0], got[len(got)-1])
		}
	}
	if got := l.take(); len(got) != 0 {
		t.Errorf("%d durations of nothing", len(got))
	}
}

func TestPercentilesAreExact(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ posts, percent, want int }{
		{1, 50, 1}, {1, 99, 1}, {2, 50, 1}, {2, 95, 2}, {3, 50, 2}, {20, 95, 19}, {21, 95, 20}, {99, 99, 99}, {100, 99, 99}, {101, 99, 100}, {4096, 50, 2048},
	} {
		sorted := make([]time.Duration, c.posts)
		for i := range sorted {
			sorted[i] = time.Duration(i + 1)
		}
		if got := percentile(sorted, c.percent); int(got) != c.want {
			t.Errorf("P%d of 1 to %d is %d, want %d", c.percent, c.posts, got, c.want)
		}
	}
}

// What becomes of real records is told with the numbers the ledger has.
func TestEventsOfAMemberAgreeWithItsLedger(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newScripted()
	failed := false
	s.do(func(batch []sink.Record, results []sink.Result) error {
		if !failed {
			failed = true
			return &sink.Error{Class: sink.Again, Status: 503}
		}
		_ = s.take(batch, results)
		results[0] = sink.Result{Outcome: sink.Refused, Status: 400, Type: "mapper_parsing_exception"}
		return nil
	})
	cfg := testConfig()
	cfg.Sender, cfg.MatchSpec, cfg.BatchSize = stats.ESOutput, `Payload != "drop"`, 4
	enc, err := encode.New("ecs", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	out := &told{}
	rep := stats.NewReporter(out, "stats", "web-1", quiet())
	opened, err := Open(w.ctx, w.nc, cfg, streamConfig(), s, enc, nil, quiet(), prometheus.NewRegistry(), rep)
	if err != nil {
		t.Fatal(err)
	}
	m := w.run(opened)
	w.store("a", "drop", "b", "c", "drop", "d")
	sums := w.settled(1)
	if err := m.stop(); err != nil {
		t.Fatal(err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := rep.Run(ended); err != nil { // one second holds all
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, e := range out.take() {
		got[e.MetricType] = e.Value
	}
	want := map[string]float64{
		stats.Delivered: float64(sums.Delivered), stats.Filtered: float64(sums.Filtered), stats.DeadLettered: float64(sums.Dead),
		stats.Throughput: 3, stats.Retried: 1, stats.BatchCount: 2,
	}
	for metric, n := range want {
		if n == 0 || got[metric] != n {
			t.Errorf("%s is told as %v, want %v", metric, got[metric], n)
		}
	}
	if p50, p99 := got[stats.DeliveryLatencyP50], got[stats.DeliveryLatencyP99]; p99 < p50 || len(got) < 10 {
		t.Errorf("told %v", got)
	}
	if _, flying := got[stats.InFlight]; flying {
		t.Errorf("posts are in flight after the end: %v", got)
	}
}
