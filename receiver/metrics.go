package receiver

import (
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"lagermeister/stats"
)

// reason says why a record was refused. The set is fixed: it labels a metric.
type reason uint8

const (
	undecodable reason = iota // not a Heka message
	hostname                  // no hostname
	empty                     // neither payload nor fields
	oversized                 // larger than MAX_MESSAGE_SIZE
	truncated                 // the client left, or fell silent, inside the frame
	signature                 // unknown signer, unknown hash or mismatch
	unsigned                  // no signature where one is required
	neighbour                 // valid, but another record of the same HTTP request was not
	unavailable               // could not be given to the stream in time; over HTTP the answer was 503
	reasons                   // their number
)

var reasonNames = [reasons]string{
	"undecodable", "hostname", "empty", "oversized", "truncated", "signature", "unsigned", "neighbour", "unavailable",
}

func (r reason) String() string { return reasonNames[r] }

// metrics explain what became of every record of one receiver:
//
//	received = stored + filtered + refused + in flight
//
// They are plain atomic counters, added to once for many records, which
// Prometheus, /health and the stats reporter read.
type metrics struct {
	moving sync.RWMutex // read-locked while records move between the terms of the equation, so that totals finds them whole

	received, stored, filtered atomic.Uint64
	refused                    [reasons]atomic.Uint64
	inFlight                   atomic.Int64
	garbage                    atomic.Uint64 // bytes outside of frames
	framed                     atomic.Uint64 // bytes of frames, whatever became of them

	connections        atomic.Int64
	closed             map[string]prometheus.Counter // TCP connections we ended, by why
	refusedConnections prometheus.Counter
	requests           *prometheus.CounterVec // HTTP, by status code
	accepted           prometheus.Counter     // that of requests for 200
	failedRequests     atomic.Uint64          // HTTP, 5xx
}

// Why we end a TCP connection.
const (
	closedStalled   = "stalled"   // silent inside a frame
	closedBudget    = "budget"    // no room for its incomplete frame
	closedHandshake = "handshake" // TLS failed
)

// newMetrics registers the counters of a receiver; input is "tcp" or "http".
func newMetrics(reg prometheus.Registerer, input string) *metrics {
	m := &metrics{closed: map[string]prometheus.Counter{}}
	f := promauto.With(prometheus.WrapRegistererWith(prometheus.Labels{"input": input}, reg))
	count := func(name, help string, labels prometheus.Labels, value *atomic.Uint64) {
		f.NewCounterFunc(prometheus.CounterOpts{Name: "lagermeister_receiver_" + name, Help: help, ConstLabels: labels},
			func() float64 { return float64(value.Load()) })
	}
	gauge := func(name, help string, value *atomic.Int64) {
		f.NewGaugeFunc(prometheus.GaugeOpts{Name: "lagermeister_receiver_" + name, Help: help},
			func() float64 { return float64(value.Load()) })
	}
	count("received_records_total", "Records read: stored + filtered + refused + in flight.", nil, &m.received)
	count("stored_records_total", "Records the stream has acknowledged.", nil, &m.stored)
	count("filtered_records_total", "Records the match spec dropped.", nil, &m.filtered)
	for r := range reasons {
		count("refused_records_total", "Records refused, by reason.", prometheus.Labels{"reason": r.String()}, &m.refused[r])
	}
	count("garbage_bytes_total", "Bytes skipped because they belong to no frame.", nil, &m.garbage)
	gauge("in_flight_records", "Records read and not acknowledged by the stream yet.", &m.inFlight)
	gauge("connections", "Open connections.", &m.connections)
	m.refusedConnections = f.NewCounter(prometheus.CounterOpts{
		Name: "lagermeister_receiver_refused_connections_total",
		Help: "Connections closed at once because MAX_CONNECTIONS were open.",
	})
	if input == "http" {
		m.requests = f.NewCounterVec(prometheus.CounterOpts{
			Name: "lagermeister_receiver_requests_total",
			Help: "Answers to clients, by status code.",
		}, []string{"code"})
		m.accepted = m.requests.WithLabelValues("200")
		return m
	}
	closed := f.NewCounterVec(prometheus.CounterOpts{
		Name: "lagermeister_receiver_closed_connections_total",
		Help: "Connections the receiver ended, by why.",
	}, []string{"why"})
	for _, why := range []string{closedStalled, closedBudget, closedHandshake} {
		m.closed[why] = closed.WithLabelValues(why)
	}
	return m
}

// answered counts an HTTP answer.
func (m *metrics) answered(status int) {
	if status == http.StatusOK {
		m.accepted.Inc()
		return
	}
	m.requests.WithLabelValues(strconv.Itoa(status)).Inc()
	if status >= 500 {
		m.failedRequests.Add(1)
	}
}

// refusedRecords is the sum over all reasons.
func (m *metrics) refusedRecords() (sum uint64) {
	for r := range m.refused {
		sum += m.refused[r].Load()
	}
	return sum
}

// totals are all terms of the equation at one moment.
func (m *metrics) totals() stats.Totals {
	m.moving.Lock()
	defer m.moving.Unlock()
	return stats.Totals{
		Received: m.received.Load(), Stored: m.stored.Load(), Filtered: m.filtered.Load(), Rejected: m.refusedRecords(), InFlight: uint64(m.inFlight.Load()),
	}
}

// tally gathers verdicts until add counts them, so that the shared counters are
// touched once for many records.
type tally struct {
	received, filtered uint64
	garbage, framed    uint64 // bytes
	kept               uint64
	refused            [reasons]uint64
}

// refusals is the sum over all reasons.
func (t *tally) refusals() (sum uint64) {
	for _, n := range t.refused {
		sum += n
	}
	return sum
}

// add counts a tally; what it kept is in flight from now on.
func (m *metrics) add(t *tally) {
	m.moving.RLock()
	defer m.moving.RUnlock()
	for r, n := range t.refused {
		if n > 0 {
			m.refused[r].Add(n)
		}
	}
	if t.filtered > 0 {
		m.filtered.Add(t.filtered)
	}
	if t.garbage > 0 {
		m.garbage.Add(t.garbage)
	}
	if t.framed > 0 {
		m.framed.Add(t.framed)
	}
	if t.kept > 0 {
		m.inFlight.Add(int64(t.kept))
	}
	if t.received > 0 {
		m.received.Add(t.received)
	}
}

// settled counts records that leave flight: stored, or given up.
func (m *metrics) settled(records int, err error) {
	m.moving.RLock()
	defer m.moving.RUnlock()
	if err == nil {
		m.stored.Add(uint64(records))
	} else {
		m.refused[unavailable].Add(uint64(records))
	}
	m.inFlight.Add(int64(-records))
}

// report has the dashboard told since when the receiver is at work with what became of
// all records since, and once a second how many were read in it, also when there were
// none, how many bytes they had, what became of them, for what reasons they were
// refused, and how many connections are open.
func (m *metrics) report(rep *stats.Reporter, sender string) {
	rep.Introduce(stats.Event{Sender: sender}, func(e *stats.Event) {
		now := m.totals()
		e.Totals = &now
	})
	before := m.received.Load()
	rep.Sample(func(time.Time) []stats.Event {
		now := m.received.Load()
		value := float64(now - before)
		before = now
		return []stats.Event{{Sender: sender, MetricType: stats.Throughput, Value: value}}
	})
	count := func(metric string, value func() uint64) {
		rep.Count(stats.Event{Sender: sender, MetricType: metric}, value)
	}
	count(stats.ThroughputBytes, m.framed.Load)
	count(stats.Stored, m.stored.Load)
	rep.Gauge(stats.Event{Sender: sender, MetricType: stats.Storing}, m.inFlight.Load)
	count(stats.Filtered, m.filtered.Load)
	count(stats.Rejected, m.refusedRecords)
	for r := range reasons {
		count(stats.Part(stats.Rejected, r.String()), m.refused[r].Load)
	}
	rep.Gauge(stats.Event{Sender: sender, MetricType: stats.Connections}, m.connections.Load)
}
