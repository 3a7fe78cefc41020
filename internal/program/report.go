package program

import (
	"os"

	"github.com/prometheus/client_golang/prometheus"

	"lagermeister/stats"
)

// Reporter returns a reporter of the program's events, which go out through s and
// name this host. What it drops is a metric.
func (p *Program) Reporter(s stats.Sender) *stats.Reporter {
	host, _ := os.Hostname() // only a label
	r := stats.NewReporter(s, stats.DefaultSubject, host, p.Log)
	r.Process(stats.Process{Started: p.started, Version: Version()})
	for why, count := range map[string]func() uint64{
		"queue": func() uint64 { queue, _ := r.Dropped(); return queue },
		"send":  func() uint64 { _, send := r.Dropped(); return send },
	} {
		p.Registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name:        "lagermeister_stats_dropped_events_total",
			Help:        "Events for the dashboard that were not sent, by why: queue (too many waited), send (NATS did not take them).",
			ConstLabels: prometheus.Labels{"why": why},
		}, func() float64 { return float64(count()) }))
	}
	return r
}
