package stats

import "time"

// Count has told once a second by how much counter has grown since the second
// before, as the metric of the sender and group that of names. Nothing is told of
// seconds in which it stands still, but for one 0 as the first of them: a quiet
// program costs nothing and its chart still comes down. counter is called from Run's
// goroutine, and here.
func (r *Reporter) Count(of Event, counter func() uint64) {
	before := counter()
	of.Aggregate = Total
	r.sampleChanges(of, func() float64 {
		now := counter()
		grown := now - before
		before = now
		return float64(grown)
	})
}

// Gauge has told once a second what value is, as Count does: while it is not 0,
// and once when it has become 0.
func (r *Reporter) Gauge(of Event, value func() int64) {
	of.Aggregate = Last
	r.sampleChanges(of, func() float64 { return float64(value()) })
}

func (r *Reporter) sampleChanges(e Event, value func() float64) {
	r.Sample(func(time.Time) []Event {
		said := e.Value
		e.Value = value()
		if e.Value == 0 && said == 0 {
			return nil
		}
		return []Event{e}
	})
}
