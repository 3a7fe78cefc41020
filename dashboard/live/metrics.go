package live

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	dropped prometheus.Counter // values
	tailed  prometheus.Counter // records
	missed  prometheus.Counter // blocks
}

func newMetrics(reg prometheus.Registerer, h *Hub) *metrics {
	f := promauto.With(reg)
	f.NewGaugeFunc(prometheus.GaugeOpts{Name: "lagermeister_dashboard_clients", Help: "Open websockets of /api/v2/stream."},
		func() float64 { h.mu.Lock(); defer h.mu.Unlock(); return float64(len(h.clients)) })
	f.NewGaugeFunc(prometheus.GaugeOpts{Name: "lagermeister_dashboard_tails", Help: "Open live tails."},
		func() float64 { return float64(len(h.watching(nil))) })
	f.NewGaugeFunc(prometheus.GaugeOpts{Name: "lagermeister_dashboard_series", Help: "Series in the history."},
		func() float64 { n, _ := h.Size(); return float64(n) })
	f.NewCounterFunc(prometheus.CounterOpts{Name: "lagermeister_dashboard_refused_events_total", Help: "Events of series for which the history had no room."},
		func() float64 { _, n := h.Size(); return float64(n) })
	f.NewGaugeFunc(prometheus.GaugeOpts{Name: "lagermeister_dashboard_processes", Help: "Processes that were heard within the hour, one for each sender of events."},
		func() float64 { n, _ := h.programs.size(); return float64(n) })
	f.NewCounterFunc(prometheus.CounterOpts{Name: "lagermeister_dashboard_evicted_processes_total", Help: "Processes that were forgotten early since there were too many."},
		func() float64 { _, n := h.programs.size(); return float64(n) })
	return &metrics{
		dropped: f.NewCounter(prometheus.CounterOpts{Name: "lagermeister_dashboard_dropped_values_total", Help: "Values that clients were too slow for; each was told of the gap."}),
		tailed:  f.NewCounter(prometheus.CounterOpts{Name: "lagermeister_dashboard_tailed_records_total", Help: "Records that were looked at for live tails."}),
		missed:  f.NewCounter(prometheus.CounterOpts{Name: "lagermeister_dashboard_missed_blocks_total", Help: "Blocks that live tails have not seen, which was told."}),
	}
}
