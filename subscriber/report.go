package subscriber

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lagermeister/stats"
	"lagermeister/stream"
)

// originalBatches is the name under which the original counted its batches.
const originalBatches = "sumologic-publisher"

// report tells the dashboard what this member does, in the original's events:
// Lag (seconds from the cut of a block to the sink's answer, the largest of the
// second, also while nothing is answered), BatchSize, Throughput and BatchCount,
// with the sizes that really were; and in those that came later, which are
// sampled once a second: Delivered, Filtered, DeadLettered, Retried, InFlight, how
// long posts take, and why they are repeated or not sent at all.
//
// The original's senders have no groups; one whose group is not the usual one of its
// program says so in its events, which several groups could not be told apart by.
type report struct {
	to      *stats.Reporter // may be nil
	sender  string
	group   string // "": the usual one
	batches string // sender of BatchCount
	held    *held

	deliveredN atomic.Uint64 // records, replayed ones too
	failure    atomic.Pointer[stats.Failure]

	mu    sync.Mutex
	lag   time.Duration // largest since the last sample
	posts latencies     // since the last sample
}

// newReport tells of m as sender; inFlight is how many posts, or forwarded
// blocks, are on their way.
func newReport(to *stats.Reporter, sender string, m *Subscriber, inFlight func() int64) *report {
	r := &report{to: to, sender: sender, batches: sender, held: m.held}
	if sender == stats.HTTPOutput {
		r.batches = originalBatches
	}
	if group := m.cfg.Group(); group != stream.Clean(m.cfg.Program) {
		r.group = group
	}
	to.Introduce(r.event(stats.Started, 0, stats.Last), func(e *stats.Event) { e.Failure = r.failure.Load() })
	to.Sample(r.sample)
	to.Count(r.event(stats.Delivered, 0, stats.Total), r.deliveredN.Load)
	to.Count(r.event(stats.Filtered, 0, stats.Total), m.metrics.sum.filtered.Load)
	to.Count(r.event(stats.DeadLettered, 0, stats.Total), m.metrics.sum.dead.Load)
	to.Count(r.event(stats.Retried, 0, stats.Total), m.metrics.sum.retried.Load)
	to.Gauge(r.event(stats.InFlight, 0, stats.Last), inFlight)
	paused := func(cause string, is func() bool) {
		to.Gauge(r.event(stats.Part(stats.Paused, cause), 0, stats.Last), func() int64 {
			if is() {
				return 1
			}
			return 0
		})
	}
	for _, kind := range []pauseKind{pauseSink, pauseRefused} {
		paused(string(kind), func() bool { now, why := m.gate.pausedFor(); return now == kind && why != "" })
	}
	paused(pauseDead, m.gate.isHeld)
	return r
}

// event is one of this member's.
func (r *report) event(metric string, value float64, fold stats.Aggregate) stats.Event {
	return stats.Event{MetricType: metric, Sender: r.sender, Group: r.group, Value: value, Aggregate: fold}
}

// retried tells of a post that has to be repeated, by the status of the answer: the
// usual ones by themselves, the rest by their first digit, so that no far end can
// think of many.
func (r *report) retried(status int) {
	cause := "none" // no answer
	switch status {
	case 0:
	case 400, 408, 413, 422, 425, 429, 500, 502, 503, 504:
		cause = strconv.Itoa(status)
	default:
		cause = strconv.Itoa(status/100) + "xx"
	}
	r.to.Report(r.event(stats.Part(stats.Retried, cause), 1, stats.Total))
}

// failed keeps why a post was not taken. An answer may be long, or no text.
func (r *report) failed(why error) {
	text := strings.ToValidUTF8(why.Error(), "�")
	if len(text) > stats.MaxFailure {
		const more = "…"
		text = strings.ToValidUTF8(text[:stats.MaxFailure-len(more)], "") + more
	}
	r.failure.Store(&stats.Failure{At: time.Now().UnixMilli(), Text: text})
}

// posted tells of an attempt with n records, failed or not.
func (r *report) posted(n int, took time.Duration) {
	count := r.event(stats.BatchCount, 1, stats.Total)
	count.Sender = r.batches
	r.to.Report(count)
	r.to.Report(r.event(stats.BatchSize, float64(n), stats.Average))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.posts.add(took)
}

// delivered tells of n records whose oldest block was cut at oldest; zero when
// all are replays.
func (r *report) delivered(n int, oldest time.Time) {
	if n == 0 {
		return
	}
	r.deliveredN.Add(uint64(n))
	r.to.Report(r.event(stats.Throughput, float64(n), stats.Total))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lag = max(r.lag, age(time.Now(), oldest))
}

func (r *report) sample(now time.Time) []stats.Event {
	r.mu.Lock()
	lag, posts := r.lag, r.posts.take()
	r.lag = 0
	r.mu.Unlock()
	late := r.event(stats.Lag, max(lag, age(now, r.held.oldest())).Seconds(), stats.Max)
	late.Threshold = stats.LagThreshold
	events := []stats.Event{late}
	if len(posts) == 0 { // no post took no time
		return events
	}
	slices.Sort(posts)
	for _, p := range percentiles {
		value := float64(percentile(posts, p.percent).Microseconds()) / 1000
		events = append(events, r.event(p.metric, value, stats.Max))
	}
	return events
}

// age is how long ago t was, 0 for the zero time and for times to come.
func age(now, t time.Time) time.Duration {
	if t.IsZero() {
		return 0
	}
	return max(now.Sub(t), 0)
}
