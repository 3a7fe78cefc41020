package subscriber

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"lagermeister/ledger"
	"lagermeister/sink"
)

// metrics count what became of every record: taken = delivered + filtered + dead
// + held. already and repaired are parts of delivered. Every series has the label
// group, so that several groups fit in one process.
type metrics struct {
	outcomes, replays                    *prometheus.CounterVec
	deliveredN, alreadyN, repairedN      prometheus.Counter
	filteredN, deadN                     prometheus.Counter
	blocks, settledBlocks, redeliveries  prometheus.Counter
	settlements                          prometheus.Counter
	posts                                prometheus.Histogram
	batchRecords, batchBytes             prometheus.Histogram
	retries                              *prometheus.CounterVec
	pausedNow                            *prometheus.GaugeVec
	pauses                               *prometheus.CounterVec
	pending, unacknowledged              *prometheus.GaugeVec
	ledgerFull, deadFull, folds, fetches prometheus.Counter

	// The same as the counters of these names, for the dashboard: those of
	// Prometheus cannot be read.
	sum struct{ filtered, dead, retried atomic.Uint64 }
}

func newMetrics(reg prometheus.Registerer, group string, held *held, gate *gate) *metrics {
	f := promauto.With(prometheus.WrapRegistererWith(prometheus.Labels{"group": group}, reg))
	counter := func(name, help string) prometheus.Counter {
		return f.NewCounter(prometheus.CounterOpts{Name: "lagermeister_subscriber_" + name, Help: help})
	}
	gauge := func(name, help string, value func() float64) {
		f.NewGaugeFunc(prometheus.GaugeOpts{Name: "lagermeister_subscriber_" + name, Help: help}, value)
	}
	m := &metrics{
		outcomes: f.NewCounterVec(prometheus.CounterOpts{
			Name: "lagermeister_subscriber_records_total",
			Help: "Records by outcome; already and repaired are parts of delivered.",
		}, []string{"outcome"}),
		replays: f.NewCounterVec(prometheus.CounterOpts{
			Name: "lagermeister_subscriber_replayed_records_total",
			Help: "Replayed records by outcome: delivered, filtered, refused, gone (the dead letter was removed meanwhile), dropped (it could not be taken).",
		}, []string{"outcome"}),
		blocks:        counter("blocks_total", "Blocks taken from the stream, without redeliveries of held ones."),
		settledBlocks: counter("settled_blocks_total", "Blocks whose settlement is stored."),
		redeliveries:  counter("redeliveries_total", "Blocks that came again while they were held."),
		settlements:   counter("settlements_total", "Settlement messages stored."),
		ledgerFull:    counter("ledger_full_total", "Settlements refused because the ledger stream is full."),
		deadFull:      counter("dead_letters_full_total", "Times the dead-letter stream turned full."),
		folds:         counter("folds_total", "Times this member folded its group's settlements."),
		fetches:       counter("fetch_errors_total", "Fetches that ended with an error."),
		posts: f.NewHistogram(prometheus.HistogramOpts{
			Name: "lagermeister_subscriber_post_seconds", Help: "Duration of one attempt to deliver a batch.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 9),
		}),
		batchRecords: f.NewHistogram(prometheus.HistogramOpts{
			Name: "lagermeister_subscriber_batch_records", Help: "Records in a batch.",
			Buckets: prometheus.ExponentialBuckets(1, 4, 8),
		}),
		batchBytes: f.NewHistogram(prometheus.HistogramOpts{
			Name: "lagermeister_subscriber_batch_bytes", Help: "Bytes of ids and documents in a batch.",
			Buckets: prometheus.ExponentialBuckets(256, 8, 6),
		}),
		retries: f.NewCounterVec(prometheus.CounterOpts{
			Name: "lagermeister_subscriber_retries_total", Help: "Attempts that have to be repeated: again (as they are) or split (in halves).",
		}, []string{"class"}),
		pausedNow: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "lagermeister_subscriber_paused", Help: "1 while delivery is paused, by reason.",
		}, []string{"reason"}),
		pauses: f.NewCounterVec(prometheus.CounterOpts{
			Name: "lagermeister_subscriber_pauses_total", Help: "Pauses by reason.",
		}, []string{"reason"}),
		pending: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "lagermeister_subscriber_pending_blocks", Help: "Blocks of the stream not yet handed to the group.",
		}, []string{"stream"}),
		unacknowledged: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "lagermeister_subscriber_unacknowledged_blocks", Help: "Blocks handed to all members of the group and not acknowledged.",
		}, []string{"stream"}),
	}
	m.deliveredN = m.outcomes.WithLabelValues("delivered")
	m.alreadyN = m.outcomes.WithLabelValues("already")
	m.repairedN = m.outcomes.WithLabelValues("repaired")
	m.filteredN = m.outcomes.WithLabelValues("filtered")
	m.deadN = m.outcomes.WithLabelValues("dead")
	for _, outcome := range []string{replayDelivered, replayFiltered, replayRefused, replayGone, replayDropped} {
		m.replays.WithLabelValues(outcome)
	}
	for _, reason := range []string{string(pauseSink), string(pauseRefused), pauseDead} {
		m.pausedNow.WithLabelValues(reason).Set(0)
		m.pauses.WithLabelValues(reason)
	}

	gauge("held_blocks", "Blocks this member holds.", func() float64 { n, _ := held.size(); return float64(n) })
	gauge("held_bytes", "Bytes of the blocks this member holds.", func() float64 { _, n := held.size(); return float64(n) })
	gauge("posts_in_flight", "Posts being sent.", func() float64 { n, _ := gate.inFlight(); return float64(n) })
	gauge("posts_limit", "Posts that may be in flight; halved on 429.", func() float64 { _, n := gate.inFlight(); return float64(n) })
	gauge("backing_off_batches", "Batches that wait before they are sent again.", func() float64 { n, _, _ := gate.backingOff(); return float64(n) })
	gauge("backoff_seconds", "Time until the next of them is sent again.", func() float64 { _, next, _ := gate.backingOff(); return next.Seconds() })
	gauge("cooldown_seconds", "Time until posts may leave, as the sink has asked for with Retry-After.", func() float64 { return gate.cooling().Seconds() })
	gauge("inflight_bytes", "Bytes of the batches on their way.", func() float64 { return float64(gate.admitted()) })
	gauge("lag_seconds", "Age of the oldest block held without a settlement.", func() float64 {
		return age(time.Now(), held.oldest()).Seconds()
	})
	return m
}

// pauseDead is the reason of a pause for want of room for dead letters.
const pauseDead = "dead_letters"

func (m *metrics) received()              { m.blocks.Inc() }
func (m *metrics) redelivered()           { m.redeliveries.Inc() }
func (m *metrics) settled(blocks int)     { m.settlements.Inc(); m.settledBlocks.Add(float64(blocks)) }
func (m *metrics) folded()                { m.folds.Inc() }
func (m *metrics) ledgerRefused()         { m.ledgerFull.Inc() }
func (m *metrics) fetchFailed()           { m.fetches.Inc() }
func (m *metrics) posted(d time.Duration) { m.posts.Observe(d.Seconds()) }

// retried counts an attempt that has to be repeated.
func (m *metrics) retried(c sink.Class) {
	m.retries.WithLabelValues(c.String()).Inc()
	m.sum.retried.Add(1)
}

// replayed counts n replayed records with one outcome.
func (m *metrics) replayed(outcome string, n uint64) {
	m.replays.WithLabelValues(outcome).Add(float64(n))
}

// ended counts outcomes of records of the stream.
func (m *metrics) ended(t ledger.Block) {
	m.filteredN.Add(float64(t.Filtered))
	m.deadN.Add(float64(t.Dead))
	m.deliveredN.Add(float64(t.Delivered))
	m.alreadyN.Add(float64(t.Already))
	m.repairedN.Add(float64(t.Repaired))
	m.sum.filtered.Add(t.Filtered)
	m.sum.dead.Add(t.Dead)
}

func (m *metrics) batchSize(records, bytes int) {
	m.batchRecords.Observe(float64(records))
	m.batchBytes.Observe(float64(bytes))
}

func (m *metrics) paused(reason string) {
	m.pauses.WithLabelValues(reason).Inc()
	m.pausedNow.WithLabelValues(reason).Set(1)
}

// resumed ends a pause; the sink's two kinds end together.
func (m *metrics) resumed(reasons ...string) {
	for _, reason := range reasons {
		m.pausedNow.WithLabelValues(reason).Set(0)
	}
}

func (m *metrics) deadLettersFull(full bool) {
	if full {
		m.deadFull.Inc()
		m.paused(pauseDead)
	} else {
		m.resumed(pauseDead)
	}
}

func (m *metrics) lag(stream string, pending, unacknowledged uint64) {
	m.pending.WithLabelValues(stream).Set(float64(pending))
	m.unacknowledged.WithLabelValues(stream).Set(float64(unacknowledged))
}
