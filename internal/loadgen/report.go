package loadgen

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"time"
)

// progress prints a line a second until ctx ends.
func (g *Generator) progress(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var records, bytes, retries uint64
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			r, b, seconds := g.records.Load(), g.bytes.Load(), now.Sub(last).Seconds()
			fmt.Fprintf(g.out, "%d records, %.0f/s, %.1f MB/s\n", r, float64(r-records)/seconds, float64(b-bytes)/seconds/1e6)
			if again := g.trouble.retries.Load(); again > retries {
				fmt.Fprintf(g.out, "sent again %d times, last because of: %s\n", again-retries, g.trouble.last.Load())
				retries = again
			}
			records, bytes, last = r, b, now
		}
	}
}

// summary prints what the run came to.
func (g *Generator) summary(took time.Duration) {
	records, bytes, seconds := g.records.Load(), g.bytes.Load(), took.Seconds()
	fmt.Fprintf(g.out, "sent %d records, %.1f MB in %.1f s: %.0f records/s, %.1f MB/s\n",
		records, float64(bytes)/1e6, seconds, float64(records)/seconds, float64(bytes)/seconds/1e6)
	what := "a write of a run of frames (TCP has no answer)"
	if g.cfg.Protocol == "http" {
		what = "a request until its answer"
	}
	fmt.Fprintf(g.out, "latency of %s: p50 %s, p95 %s, p99 %s, max %s\n", what,
		g.latency.quantile(0.5), g.latency.quantile(0.95), g.latency.quantile(0.99), g.latency.quantile(1))
	refused := 0
	for i := range g.lanes {
		refused += len(g.lanes[i].refused)
	}
	if retries := g.trouble.retries.Load(); retries > 0 || refused > 0 {
		fmt.Fprintf(g.out, "sent again %d times; %d good records refused for good\n", retries, refused)
	}
}

// histogram counts durations in buckets that are 5 % wide. Safe for concurrent use.
type histogram struct {
	buckets [512]atomic.Uint64 // bucket i: up to 1.05^i µs
}

func (h *histogram) add(d time.Duration) {
	i := math.Ceil(math.Log(max(float64(d)/1e3, 1)) / math.Log(1.05))
	h.buckets[min(int(i), len(h.buckets)-1)].Add(1)
}

// quantile is the upper bound of the bucket that holds the q-th part of all durations.
func (h *histogram) quantile(q float64) time.Duration {
	var total, sum uint64
	for i := range h.buckets {
		total += h.buckets[i].Load()
	}
	want := uint64(math.Ceil(q * float64(total)))
	for i := range h.buckets {
		if sum += h.buckets[i].Load(); sum >= want && sum > 0 {
			return time.Duration(math.Pow(1.05, float64(i)) * 1e3).Round(time.Microsecond)
		}
	}
	return 0
}
