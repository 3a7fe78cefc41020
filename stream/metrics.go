package stream

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// trimMetrics say what keeps streams from being trimmed, and what was trimmed.
type trimMetrics struct {
	heldBy    *prometheus.GaugeVec
	untilFull *prometheus.GaugeVec
	purged    *prometheus.CounterVec
}

func newTrimMetrics(reg prometheus.Registerer) *trimMetrics {
	return &trimMetrics{
		heldBy: shared(reg, prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "lagermeister_stream_held_by",
			Help: "Stored messages that a group has not settled and that are therefore kept.",
		}, []string{"stream", "group"})),
		untilFull: UntilFull(reg),
		purged: shared(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lagermeister_stream_purged_messages_total",
			Help: "Settled messages this process removed from the stream.",
		}, []string{"stream"})),
	}
}

// UntilFull is the metric of a stream's forecast, in seconds: +Inf for NeverFull.
// Whoever watches streams on the same registry shares it.
func UntilFull(reg prometheus.Registerer) *prometheus.GaugeVec {
	return shared(reg, prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "lagermeister_stream_seconds_until_full",
		Help: "Time until intake is refused at the present rate, with discard old until the first loss; +Inf when it does not come to that.",
	}, []string{"stream"}))
}

// shared registers c, or returns what another trimmer has registered before.
func shared[C prometheus.Collector](reg prometheus.Registerer, c C) C {
	if reg == nil {
		return c
	}
	err := reg.Register(c)
	var already prometheus.AlreadyRegisteredError
	if errors.As(err, &already) {
		return already.ExistingCollector.(C)
	}
	if err != nil {
		panic(err) // two metrics of one name: a mistake in the program
	}
	return c
}
