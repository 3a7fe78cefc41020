package stats

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// queueLength bounds what waits between Report and the once-a-second fold.
const queueLength = 4096

// Sender takes an event away without waiting for anybody. *nats.Conn is one.
type Sender interface {
	Publish(subject string, data []byte) error
}

// Logger is what a Reporter says aloud. logrus.FieldLogger is one.
type Logger interface {
	Warnf(format string, args ...any)
	Debugf(format string, args ...any)
}

// Reporter tells the dashboard what a process does. Report and Sample may be
// called from any goroutine, before, during and after Run, and on a nil
// *Reporter, which tells nobody. What goes wrong is counted, never returned: a
// record must not wait for a picture of itself.
type Reporter struct {
	sender  Sender
	subject string
	source  string
	log     Logger
	process Process
	queue   chan Event
	dropped atomic.Uint64
	unsent  atomic.Uint64

	mu      sync.Mutex
	samples []func(now time.Time) []Event
	senders []func() Event // that were introduced: their Started now
}

// NewReporter returns a Reporter that publishes on subject; source is the
// SourceIP of events that name none. Until Run is called it only collects.
func NewReporter(s Sender, subject, source string, log Logger) *Reporter {
	return &Reporter{sender: s, subject: subject, source: source, log: log, queue: make(chan Event, queueLength)}
}

// Report adds an event to the current second. It never blocks: when 4,096 events
// wait already, this one is dropped and counted.
func (r *Reporter) Report(e Event) {
	if r == nil {
		return
	}
	if e.Timestamp == 0 {
		e.Timestamp = time.Now().Unix()
	}
	select {
	case r.queue <- e:
	default:
		r.dropped.Add(1)
	}
}

// Sample has f asked once a second, at its end, for events to add; those without
// a timestamp get now. f is called from Run's goroutine and must not block.
func (r *Reporter) Sample(f func(now time.Time) []Event) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.samples = append(r.samples, f)
}

// Dropped returns how many events were dropped because the queue was full, and
// how many the sender refused.
func (r *Reporter) Dropped() (queue, send uint64) {
	if r == nil {
		return 0, 0
	}
	return r.dropped.Load(), r.unsent.Load()
}

// Run folds and sends once a second until ctx ends, then sends what is left, and that
// its senders have stopped, and returns nil.
func (r *Reporter) Run(ctx context.Context) error {
	if r == nil {
		<-ctx.Done()
		return nil
	}
	second, names := newAggregate(), seconds{}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case e := <-r.queue:
			second.add(e)
		case now := <-tick.C:
			r.endSecond(second, now, names.end(now))
		case <-ctx.Done():
			now := time.Now()
			r.endSecond(second, now, now.Unix())
			r.farewell(now)
			return nil
		}
	}
}

// endSecond adds the samples and all that waits, and sends the second.
func (r *Reporter) endSecond(second *aggregate, now time.Time, name int64) {
	r.mu.Lock()
	samples := r.samples[:len(r.samples):len(r.samples)]
	r.mu.Unlock()
	for _, sample := range samples {
		for _, e := range sample(now) {
			if e.Timestamp == 0 {
				e.Timestamp = name
			}
			second.add(e)
		}
	}
	for waiting := len(r.queue); waiting > 0; waiting-- {
		second.add(<-r.queue)
	}
	second.flush(r.send)
}

// send publishes one folded event. The first refusal of a row of them is told;
// all are counted.
func (r *Reporter) send(e Event) {
	if e.SourceIP == "" {
		e.SourceIP = r.source
	}
	data, err := e.AppendJSON(nil)
	if err == nil {
		err = r.sender.Publish(r.subject, data)
	}
	if err == nil {
		return
	}
	if n := r.unsent.Add(1); n == 1 {
		r.log.Warnf("stats event %s of %s not sent on %s, records are not affected, further ones are only counted: %v",
			e.MetricType, e.Sender, r.subject, err)
	} else {
		r.log.Debugf("stats event %s of %s not sent on %s (%d so far): %v", e.MetricType, e.Sender, r.subject, n, err)
	}
}
