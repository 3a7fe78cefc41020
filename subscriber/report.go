package subscriber

import (
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"lagermeister/stats"
)

// originalBatches is the name under which the original counted its batches.
const originalBatches = "sumologic-publisher"

// report tells the dashboard what this member does, in the original's events:
// Lag (seconds from the cut of a block to the sink's answer, the largest of the
// second, also while nothing is answered), BatchSize, Throughput and BatchCount,
// with the sizes that really were; and in those that came later, which are
// sampled once a second: Delivered, Filtered, DeadLettered, Retried, InFlight and
// how long posts take.
type report struct {
	to      *stats.Reporter // may be nil
	sender  string
	batches string // sender of BatchCount
	host    string
	held    *held

	deliveredN atomic.Uint64 // records, replayed ones too

	mu    sync.Mutex
	lag   time.Duration // largest since the last sample
	posts latencies     // since the last sample
}

// newReport tells of m as sender; inFlight is how many posts, or forwarded
// blocks, are on their way.
func newReport(to *stats.Reporter, sender string, m *Subscriber, inFlight func() int64) *report {
	host, _ := os.Hostname() // only a label
	r := &report{to: to, sender: sender, batches: sender, host: host, held: m.held}
	if sender == stats.HTTPOutput {
		r.batches = originalBatches
	}
	to.Sample(r.sample)
	to.Count(sender, stats.Delivered, r.deliveredN.Load)
	to.Count(sender, stats.Filtered, m.metrics.sum.filtered.Load)
	to.Count(sender, stats.DeadLettered, m.metrics.sum.dead.Load)
	to.Count(sender, stats.Retried, m.metrics.sum.retried.Load)
	to.Gauge(sender, stats.InFlight, inFlight)
	return r
}

// posted tells of an attempt with n records, failed or not.
func (r *report) posted(n int, took time.Duration) {
	r.to.Report(stats.Event{MetricType: stats.BatchSize, Sender: r.sender, Value: float64(n), Aggregate: stats.Average})
	r.to.Report(stats.Event{MetricType: stats.BatchCount, Sender: r.batches, SourceIP: r.host, Value: 1, Aggregate: stats.Total})
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
	r.to.Report(stats.Event{MetricType: stats.Throughput, Sender: r.sender, Value: float64(n), Aggregate: stats.Total})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lag = max(r.lag, age(time.Now(), oldest))
}

func (r *report) sample(now time.Time) []stats.Event {
	r.mu.Lock()
	lag, posts := r.lag, r.posts.take()
	r.lag = 0
	r.mu.Unlock()
	events := []stats.Event{{
		MetricType: stats.Lag,
		Sender:     r.sender,
		Value:      max(lag, age(now, r.held.oldest())).Seconds(),
		Threshold:  stats.LagThreshold,
		Aggregate:  stats.Max,
	}}
	if len(posts) == 0 { // no post took no time
		return events
	}
	slices.Sort(posts)
	for _, p := range percentiles {
		value := float64(percentile(posts, p.percent).Microseconds()) / 1000
		events = append(events, stats.Event{MetricType: p.metric, Sender: r.sender, Value: value, Aggregate: stats.Max})
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
