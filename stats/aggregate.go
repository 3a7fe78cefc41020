package stats

// seriesKey names what may be folded together: one metric of one sender and group.
// The original folded by metric alone and so merged the senders of a process.
type seriesKey struct{ metric, sender, group string }

// aggregate folds the events of one second. It is pure and not safe for
// concurrent use.
type aggregate struct {
	series map[seriesKey]int // index into open
	open   []fold            // in order of first sight, so that output is stable
}

type fold struct {
	event Event // the last one; its value is the folded one
	count int
	sum   float64
}

func newAggregate() *aggregate {
	return &aggregate{series: make(map[seriesKey]int)}
}

// add folds e into its series. All keys but the value are those of the last
// event; the aggregate that counts is the last one's, too.
func (a *aggregate) add(e Event) {
	key := seriesKey{e.MetricType, e.Sender, e.Group}
	i, ok := a.series[key]
	if !ok {
		a.series[key] = len(a.open)
		a.open = append(a.open, fold{event: e, count: 1, sum: e.Value})
		return
	}
	f := &a.open[i]
	f.count++
	f.sum += e.Value
	value := e.Value
	switch e.Aggregate {
	case Total:
		value = f.sum
	case Average:
		value = f.sum / float64(f.count)
	case Max:
		value = max(value, f.event.Value)
	}
	f.event = e
	f.event.Value = value
}

// flush calls emit with each series' folded event and starts anew.
func (a *aggregate) flush(emit func(Event)) {
	for i := range a.open {
		emit(a.open[i].event)
	}
	clear(a.series)
	clear(a.open) // lets go of the strings
	a.open = a.open[:0]
}
