package ledger

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lagermeister/stream"
)

// metrics show the books. Groups come and go, so the figures are made when they
// are asked for.
type metrics struct {
	books       func() Books
	failedFolds prometheus.Counter

	untilFull *prometheus.GaugeVec

	unaccounted, stored, records, age *prometheus.Desc
}

func newMetrics(reg prometheus.Registerer, books func() Books) *metrics {
	gauge := func(name, help string, labels ...string) *prometheus.Desc {
		name = "lagermeister_ledger_" + name
		return prometheus.NewDesc(name, help, labels, nil)
	}
	m := &metrics{
		books:       books,
		failedFolds: prometheus.NewCounter(prometheus.CounterOpts{Name: "lagermeister_ledger_failures_total", Help: "Rounds in which settlements could not be folded."}),
		untilFull:   stream.UntilFull(reg),
		unaccounted: gauge("unaccounted_records", "Records of a group that are nowhere, or (negative) counted twice: 0 unless something is wrong.", "stream", "group"),
		stored:      gauge("stored_records", "Records stored for a group since it was created.", "stream", "group"),
		records:     gauge("records", "Records of a group by what became of them; already and repaired are parts of delivered.", "stream", "group", "outcome"),
		age:         gauge("age_seconds", "Time since the last balance."),
	}
	if reg != nil {
		reg.MustRegister(m)
	}
	return m
}

func (m *metrics) failed() { m.failedFolds.Inc() }

// forecasts replaces what is said of streams.
func (m *metrics) forecasts(streams []StreamBalance) {
	m.untilFull.Reset()
	for _, s := range streams {
		if s.Error == "" {
			m.untilFull.WithLabelValues(s.Stream).Set(stream.Seconds(s.left))
		}
	}
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(c chan<- *prometheus.Desc) {
	m.failedFolds.Describe(c)
	for _, d := range []*prometheus.Desc{m.unaccounted, m.stored, m.records, m.age} {
		c <- d
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(c chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		c <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	m.failedFolds.Collect(c)
	books := m.books()
	if books.At.IsZero() {
		return
	}
	gauge(m.age, time.Since(books.At).Seconds())
	for _, s := range books.Streams {
		if s.Error != "" {
			continue
		}
		for _, g := range s.Groups {
			if g.State == Unknown {
				continue
			}
			gauge(m.unaccounted, float64(g.Difference), s.Stream, g.Group)
			gauge(m.stored, float64(g.Stored), s.Stream, g.Group)
			for outcome, n := range map[string]uint64{
				"delivered": g.Delivered, "already": g.Already, "repaired": g.Repaired, "filtered": g.Filtered,
				"dead": g.Dead, "pending": g.Pending, "expired": g.Expired,
			} {
				gauge(m.records, float64(n), s.Stream, g.Group, outcome)
			}
		}
	}
}
