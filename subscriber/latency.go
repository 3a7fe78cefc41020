package subscriber

import (
	"time"

	"lagermeister/stats"
)

// latencyWindow bounds how many durations are kept for one second: 32 KiB, and
// more posts than a member makes unless each holds a record or two.
const latencyWindow = 4096

var percentiles = []struct {
	percent int
	metric  string
}{{50, stats.DeliveryLatencyP50}, {95, stats.DeliveryLatencyP95}, {99, stats.DeliveryLatencyP99}}

// latencies are how long the posts of one second took, every one of them; of more
// than latencyWindow the last ones. Its two buffers take turns. It is not safe for
// concurrent use.
type latencies struct {
	window, spare []time.Duration
	n             int // posts
}

func (l *latencies) add(d time.Duration) {
	if len(l.window) < latencyWindow {
		l.window = append(l.window, d)
	} else {
		l.window[l.n%latencyWindow] = d
	}
	l.n++
}

// take returns what was added since the last call, in any order. It belongs to
// the caller until the next call.
func (l *latencies) take() []time.Duration {
	full := l.window
	l.window, l.spare, l.n = l.spare[:0], full, 0
	return full
}

// percentile is the least of the sorted durations, of which there is one at
// least, that so many percent of them do not exceed.
func percentile(sorted []time.Duration, percent int) time.Duration {
	return sorted[(percent*len(sorted)+99)/100-1]
}
