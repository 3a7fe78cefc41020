package subscriber

import (
	"os"
	"sync"
	"time"

	"lagermeister/stats"
)

// originalBatches is the name under which the original counted its batches.
const originalBatches = "sumologic-publisher"

// report tells the dashboard what this member does, in the original's events:
// Lag (seconds from the cut of a block to the sink's answer, the largest of the
// second, also while nothing is answered), BatchSize, Throughput and BatchCount,
// with the sizes that really were.
type report struct {
	to      *stats.Reporter // may be nil
	sender  string
	batches string // sender of BatchCount
	host    string
	held    *held

	mu  sync.Mutex
	lag time.Duration // largest since the last sample
}

func newReport(to *stats.Reporter, sender string, held *held) *report {
	host, _ := os.Hostname() // only a label
	r := &report{to: to, sender: sender, batches: sender, host: host, held: held}
	if sender == stats.HTTPOutput {
		r.batches = originalBatches
	}
	to.Sample(r.sample)
	return r
}

// posted tells of an attempt with n records.
func (r *report) posted(n int) {
	r.to.Report(stats.Event{MetricType: "BatchSize", Sender: r.sender, Value: float64(n), Aggregate: stats.Average})
	r.to.Report(stats.Event{MetricType: "BatchCount", Sender: r.batches, SourceIP: r.host, Value: 1, Aggregate: stats.Total})
}

// delivered tells of n records whose oldest block was cut at oldest; zero when
// all are replays.
func (r *report) delivered(n int, oldest time.Time) {
	if n == 0 {
		return
	}
	r.to.Report(stats.Event{MetricType: "Throughput", Sender: r.sender, Value: float64(n), Aggregate: stats.Total})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lag = max(r.lag, age(time.Now(), oldest))
}

func (r *report) sample(now time.Time) []stats.Event {
	r.mu.Lock()
	lag := r.lag
	r.lag = 0
	r.mu.Unlock()
	return []stats.Event{{
		MetricType: "Lag",
		Sender:     r.sender,
		Value:      max(lag, age(now, r.held.oldest())).Seconds(),
		Threshold:  stats.LagThreshold,
		Aggregate:  stats.Max,
	}}
}

// age is how long ago t was, 0 for the zero time and for times to come.
func age(now, t time.Time) time.Duration {
	if t.IsZero() {
		return 0
	}
	return max(now.Sub(t), 0)
}
