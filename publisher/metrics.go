package publisher

import (
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics explain where accepted records are: stored or in flight.
type metrics struct {
	records, blocks, bytes prometheus.Counter
	resends, duplicates    prometheus.Counter
	failures               *prometheus.CounterVec
	breaker                prometheus.Gauge
	perBlock, acked        prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer, p *Publisher) *metrics {
	f := promauto.With(reg)
	counter := func(name, help string) prometheus.Counter {
		return f.NewCounter(prometheus.CounterOpts{Name: "lagermeister_publisher_" + name, Help: help})
	}
	gauge := func(name, help string, value func(w *window) float64) {
		f.NewGaugeFunc(prometheus.GaugeOpts{Name: "lagermeister_publisher_" + name, Help: help}, func() float64 {
			p.window.mu.Lock()
			defer p.window.mu.Unlock()
			return value(&p.window)
		})
	}
	gauge("in_flight_records", "Records accepted and not yet acknowledged by the stream.", func(w *window) float64 { return float64(w.records) })
	gauge("in_flight_blocks", "Blocks cut and not yet acknowledged.", func(w *window) float64 { return float64(w.blocks) })
	gauge("in_flight_bytes", "Bytes of blocks cut and not yet acknowledged.", func(w *window) float64 { return float64(w.bytes) })
	return &metrics{
		records:    counter("stored_records_total", "Records the stream acknowledged."),
		blocks:     counter("stored_blocks_total", "NATS messages the stream acknowledged."),
		bytes:      counter("stored_bytes_total", "Bytes of messages the stream acknowledged, headers not counted."),
		resends:    counter("resends_total", "Blocks sent again."),
		duplicates: counter("duplicates_total", "Blocks that were stored already when sent again."),
		failures: f.NewCounterVec(prometheus.CounterOpts{
			Name: "lagermeister_publisher_failed_sends_total",
			Help: "Sends that were refused, could not be made or were not answered.",
		}, []string{"reason"}),
		breaker: f.NewGauge(prometheus.GaugeOpts{
			Name: "lagermeister_publisher_breaker_open",
			Help: "1 while nothing can be stored and intakes refuse.",
		}),
		perBlock: f.NewHistogram(prometheus.HistogramOpts{
			Name: "lagermeister_publisher_block_records", Help: "Records per stored block.",
			Buckets: prometheus.ExponentialBuckets(1, 4, 8),
		}),
		acked: f.NewHistogram(prometheus.HistogramOpts{
			Name: "lagermeister_publisher_ack_seconds", Help: "Time from the first send of a block to its acknowledgement.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 4, 9),
		}),
	}
}

// acknowledged counts the answer to one block.
func (m *metrics) acknowledged(took time.Duration, duplicate bool) {
	m.acked.Observe(took.Seconds())
	if duplicate {
		m.duplicates.Inc()
	}
}

// storedBlocks counts blocks that leave the window together.
func (m *metrics) storedBlocks(blocks []*block) {
	records, bytes := 0, 0
	for _, b := range blocks {
		m.perBlock.Observe(float64(b.records))
		records += b.records
		bytes += len(b.data)
	}
	m.records.Add(float64(records))
	m.blocks.Add(float64(len(blocks)))
	m.bytes.Add(float64(bytes))
}

func (m *metrics) resent()                  { m.resends.Inc() }
func (m *metrics) failedSend(reason string) { m.failures.WithLabelValues(reason).Inc() }
func (m *metrics) opened()                  { m.breaker.Set(1) }
func (m *metrics) closed()                  { m.breaker.Set(0) }

// reasonOf is one of a fixed set of words.
func reasonOf(err error) string {
	var r *refusal
	switch {
	case errors.Is(err, errSilent):
		return "silent"
	case errors.Is(err, errNoStream):
		return "no_stream"
	case errors.As(err, &r) && r.full():
		return "full"
	case r != nil && r.ErrCode == codeTooLarge, errors.Is(err, nats.ErrMaxPayload):
		return "too_large"
	case r != nil && r.ErrCode == codeTooMany:
		return "too_many"
	case r != nil:
		return "refused"
	default:
		return "connection"
	}
}
