package stats

import "time"

// startedEvery is how many seconds lie between two Started of a sender, so that a
// viewer that comes later learns it, too.
const startedEvery = 10

// Process is what there is to know of a process: when it has started, and the version
// of its program.
type Process struct {
	Started time.Time
	Version string
}

// Process says what process r reports of. It is called before Introduce.
func (r *Reporter) Process(p Process) { r.process = p }

// Introduce has Started told for the sender and group of of, in the first second and
// every 10 s from then on, and Stopped when Run ends: a viewer tells a restart from a
// lost connection by it, and two processes of one name from each other. more, which may
// be nil, adds what else is to be said at that moment. A reporter that was told of no
// process has nothing to say here.
func (r *Reporter) Introduce(of Event, more func(*Event)) {
	if r == nil || r.process.Started.IsZero() {
		return
	}
	of.MetricType, of.Aggregate = Started, Last
	of.Value, of.Version = float64(r.process.Started.UnixMilli())/1000, r.process.Version
	started := func() Event {
		e := of
		if more != nil {
			more(&e)
		}
		return e
	}
	r.mu.Lock()
	r.senders = append(r.senders, started)
	r.mu.Unlock()
	seconds := 0
	r.Sample(func(time.Time) []Event {
		seconds++
		if seconds%startedEvery != 1 {
			return nil
		}
		return []Event{started()}
	})
}

// farewell sends that all who were introduced have stopped.
func (r *Reporter) farewell(now time.Time) {
	r.mu.Lock()
	senders := r.senders[:len(r.senders):len(r.senders)]
	r.mu.Unlock()
	for _, started := range senders {
		e := started()
		e.MetricType, e.Timestamp = Stopped, now.Unix()
		r.send(e)
	}
}
