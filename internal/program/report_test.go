package program

import (
	"context"
	"errors"
	"testing"

	"lagermeister/stats"
)

// away is a NATS that takes nothing.
type away struct{}

func (away) Publish(string, []byte) error { return errors.New("away") }

func TestEventsThatAreNotSentAreCounted(t *testing.T) {
	t.Parallel()
	p := testProgram(t.Context())
	r := p.Reporter(away{})
	const waiting, more = 4096, 10
	for range waiting + more {
		r.Report(stats.Event{MetricType: stats.Throughput, Sender: stats.ESOutput})
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := r.Run(ended); err != nil { // folds them into one event
		t.Fatal(err)
	}
	families, err := p.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range families {
		for _, m := range family.Metric {
			if family.GetName() == "lagermeister_stats_dropped_events_total" {
				got[m.Label[0].GetValue()] = m.Counter.GetValue()
			}
		}
	}
	if len(got) != 2 || got["queue"] != more || got["send"] != 1 {
		t.Errorf("dropped %v", got)
	}
}
