package httpclient

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	requests  *prometheus.CounterVec
	seconds   prometheus.Histogram
	raw, wire prometheus.Counter
	up        *prometheus.GaugeVec
}

func newMetrics(reg prometheus.Registerer, name string) *metrics {
	f := promauto.With(reg)
	labels := prometheus.Labels{"sink": name}
	bytes := f.NewCounterVec(prometheus.CounterOpts{
		Name:        "lagermeister_sink_http_body_bytes_total",
		Help:        "Bytes of request bodies, before compression (raw) and as sent (wire).",
		ConstLabels: labels,
	}, []string{"stage"})
	return &metrics{
		requests: f.NewCounterVec(prometheus.CounterOpts{
			Name:        "lagermeister_sink_http_requests_total",
			Help:        "Requests by the answer's class; none: no whole answer came.",
			ConstLabels: labels,
		}, []string{"status"}),
		seconds: f.NewHistogram(prometheus.HistogramOpts{
			Name:        "lagermeister_sink_http_request_seconds",
			Help:        "Time from the start of a request to the end of its answer.",
			ConstLabels: labels,
			Buckets:     prometheus.ExponentialBuckets(0.001, 2, 17), // 1 ms to 65 s
		}),
		raw:  bytes.WithLabelValues("raw"),
		wire: bytes.WithLabelValues("wire"),
		up: f.NewGaugeVec(prometheus.GaugeOpts{
			Name:        "lagermeister_sink_http_endpoint_up",
			Help:        "1: in use; 0: resting after a failure.",
			ConstLabels: labels,
		}, []string{"endpoint"}),
	}
}

func (m *metrics) requestDone(status int, took time.Duration, body *Body) {
	class := "none"
	if status >= 100 && status < 600 {
		class = strconv.Itoa(status/100) + "xx"
	}
	m.requests.WithLabelValues(class).Inc()
	m.seconds.Observe(took.Seconds())
	if body != nil {
		m.raw.Add(float64(body.raw))
		m.wire.Add(float64(body.size()))
	}
}

func (m *metrics) endpointUp(name string, up bool) {
	value := 0.0
	if up {
		value = 1
	}
	m.up.WithLabelValues(name).Set(value)
}
