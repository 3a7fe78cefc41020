package stats

import (
	"context"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// second lets one second pass and returns what was sent of it, in short.
func second(t *testing.T, out *wire) (sent []string) {
	t.Helper()
	time.Sleep(time.Second)
	synctest.Wait()
	for _, line := range out.take() {
		e, err := ParseEvent([]byte(line[len("stats "):]))
		if err != nil {
			t.Fatal(err)
		}
		sent = append(sent, e.Sender+" "+e.MetricType+" "+strconv.FormatFloat(e.Value, 'g', -1, 64)+" "+string(e.Aggregate))
	}
	return sent
}

func TestQuietCounterAndGaugeSayZeroOnceAndThenNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		out := &wire{}
		r := NewReporter(out, "stats", "web-1", silence{})
		var total atomic.Uint64
		var open atomic.Int64
		total.Store(100) // what was before counts for nothing
		r.Count(Event{Sender: "s", MetricType: Rejected}, total.Load)
		r.Gauge(Event{Sender: "s", MetricType: Connections}, open.Load)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()
		for i, c := range []struct {
			grows uint64
			open  int64
			want  []string
		}{
			{0, 0, nil},
			{5, 0, []string{"s Rejected 5 Total"}},
			{5, 3, []string{"s Rejected 5 Total", "s Connections 3 "}},
			{0, 3, []string{"s Rejected 0 Total", "s Connections 3 "}},
			{0, 0, []string{"s Connections 0 "}},
			{0, 0, nil},
			{1, 0, []string{"s Rejected 1 Total"}},
		} {
			total.Add(c.grows)
			open.Store(c.open)
			if got := second(t, out); !slices.Equal(got, c.want) {
				t.Errorf("second %d: %q, want %q", i, got, c.want)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestNilReporterCountsForNobody(t *testing.T) {
	t.Parallel()
	var r *Reporter
	r.Count(Event{Sender: "s", MetricType: Rejected}, func() uint64 { return 1 })
	r.Gauge(Event{Sender: "s", MetricType: Connections}, func() int64 { return 1 })
}
