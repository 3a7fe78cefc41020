package live

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"lagermeister/stats"
)

// How far back the two resolutions of the history reach, seconds.
const (
	Fine   = 3600
	Coarse = 6 * 3600
)

// The two resolutions of a series, in seconds. With 8 bytes a value a series
// takes 45 KiB.
const (
	fineStep   = 1
	fineSpan   = Fine
	coarseStep = 10
	coarseSpan = Coarse
)

// none is a bucket that nothing is known of.
var none = math.NaN()

// ring holds the newest values of a series, one a bucket. Buckets are numbered:
// unix seconds by the step.
type ring struct {
	cells  []float64
	newest int64 // bucket; those above are not there yet
}

func newRing(cells int) ring {
	r := ring{cells: make([]float64, cells)}
	for i := range r.cells {
		r.cells[i] = none
	}
	return r
}

// cell is the place of a bucket, nil when it is too old to have one. The ring
// turns when the bucket is new.
func (r *ring) cell(bucket int64) *float64 {
	n := int64(len(r.cells))
	if bucket <= r.newest-n || bucket < 0 {
		return nil
	}
	for r.newest = max(r.newest, bucket-n); r.newest < bucket; {
		r.newest++
		r.cells[r.newest%n] = none
	}
	return &r.cells[bucket%n]
}

// get is the value of a bucket, none when there is none.
func (r *ring) get(bucket int64) float64 {
	n := int64(len(r.cells))
	if bucket > r.newest || bucket <= r.newest-n || bucket < 0 {
		return none
	}
	return r.cells[bucket%n]
}

// series is one metric of one sender at one address, and of one group where its
// events name it. It is not safe for concurrent use.
type series struct {
	names     []byte // `"sender","ip","type"`, as m has them
	group     []byte // `,"group"`; empty when it is
	key       key
	agg       stats.Aggregate
	threshold *stats.Threshold

	fine, coarse ring
	folded       int   // events in the newest second
	last         int64 // newest second
}

type key struct{ metric, sender, ip, group string }

// compare puts series in a fixed order.
func (s *series) compare(o *series) int {
	return cmp.Or(slices.Compare(s.names, o.names), slices.Compare(s.group, o.group))
}

// add folds an event into its second, and the second into its coarse bucket: what
// two processes of one sender at one address report of a second is one value.
func (s *series) add(second int64, e *stats.Event) {
	s.agg, s.threshold = e.Aggregate, e.Threshold
	beside := s.agg // of two processes
	switch s.key.metric {
	case stats.Throughput: // receivers report it as the original did, as if the last value stood
		s.agg, beside = stats.Total, stats.Total
	case stats.Storing, stats.Connections, stats.InFlight:
		beside = stats.Total
	}
	cell := s.fine.cell(second)
	if cell == nil {
		return
	}
	if second > s.last {
		s.last, s.folded = second, 0
	}
	if math.IsNaN(*cell) {
		*cell, s.folded = e.Value, 1
	} else {
		s.folded++
		*cell = fold(beside, *cell, e.Value, s.folded)
	}
	bucket := second / coarseStep
	sum, n := none, 0
	for at := bucket * coarseStep; at < (bucket+1)*coarseStep; at++ {
		if v := s.fine.get(at); !math.IsNaN(v) {
			if n++; n == 1 {
				sum = v
			} else {
				sum = fold(s.agg, sum, v, n)
			}
		}
	}
	if cell := s.coarse.cell(bucket); cell != nil {
		*cell = sum
	}
}

// fold makes one value of that of n-1 others and a further one.
func fold(by stats.Aggregate, value, next float64, n int) float64 {
	switch by {
	case stats.Total:
		return value + next
	case stats.Average:
		return value + (next-value)/float64(n)
	case stats.Max:
		return max(value, next)
	}
	return next
}

// unitOf is the unit of a metric that our programs report, or of a part of one.
func unitOf(metric string) string {
	whole, _, _ := strings.Cut(metric, ".")
	return units[whole]
}

var units = map[string]string{
	stats.Throughput: "records", stats.ThroughputBytes: "bytes", stats.Stored: "records", stats.Storing: "records", stats.Rejected: "records", stats.Connections: "connections",
	stats.Lag: "s", stats.BatchSize: "records", stats.BatchCount: "posts",
	stats.Delivered: "records", stats.Filtered: "records", stats.DeadLettered: "records", stats.Retried: "posts", stats.InFlight: "posts",
	stats.DeliveryLatencyP50: "ms", stats.DeliveryLatencyP95: "ms", stats.DeliveryLatencyP99: "ms",
}
