package loadgen

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Generator sends the records of one run.
type Generator struct {
	cfg    Config
	source *Source
	out    io.Writer

	lanes   []lane
	records atomic.Uint64 // taken by the receiver, as far as the protocol tells
	bytes   atomic.Uint64
	trouble trouble
	latency histogram
}

// lane is what one connection sends: the numbers i, i+n, i+2n, … of n connections.
// Only its own goroutine writes to it.
type lane struct {
	done    uint64   // how many of its numbers were taken or refused for good
	refused []uint64 // numbers of good records that the receiver refused
}

// sender delivers a run of records over one connection. It returns when they are
// taken, trying again for as long as ctx lives; refused says that the receiver
// refused them for good.
type sender interface {
	send(ctx context.Context, frames []byte) (refused bool, err error)
	close()
}

// New makes a generator that prints its progress to out. cfg has been validated.
func New(cfg Config, out io.Writer) (*Generator, error) {
	if cfg.Seed == 0 {
		cfg.Seed = rand.Uint64()
	}
	recipe, err := cfg.recipe()
	if err != nil {
		return nil, err
	}
	return &Generator{cfg: cfg, source: NewSource(recipe), out: out, lanes: make([]lane, cfg.Connections)}, nil
}

// Run sends until the count or the duration is reached or ctx ends, and prints a
// line a second and a summary. Records being sent when ctx ends are not counted.
func (g *Generator) Run(ctx context.Context) error {
	began := time.Now()
	fmt.Fprintf(g.out, "run %s (seed %d): %s over %d connections to %s\n",
		g.source.Run(), g.cfg.Seed, g.cfg.Protocol, g.cfg.Connections, masked(g.cfg.Address))
	progress, stop := context.WithCancel(ctx)
	var printer sync.WaitGroup
	printer.Go(func() { g.progress(progress) })

	group, gctx := errgroup.WithContext(ctx)
	for i := range g.lanes {
		group.Go(func() error { return g.lane(gctx, i, began) })
	}
	err := group.Wait()
	stop()
	printer.Wait()
	g.summary(time.Since(began))
	if err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// lane sends the numbers of connection i.
func (g *Generator) lane(ctx context.Context, i int, began time.Time) error {
	var out sender
	if g.cfg.Protocol == "http" {
		out = newHTTPSender(g.cfg.Address, &g.trouble)
	} else {
		out = &tcpSender{address: g.cfg.Address, trouble: &g.trouble}
	}
	defer out.close()

	run := g.cfg.PerRequest
	if g.cfg.Protocol == "tcp" {
		run = max(1, 64<<10/g.cfg.Size)
	}
	me, lanes := &g.lanes[i], uint64(len(g.lanes))
	pace := pacer{began: began, rate: g.cfg.Rate / float64(lanes)}
	begin := ctx // ends earlier: what is on its way then is finished
	if g.cfg.Duration > 0 {
		var cancel context.CancelFunc
		begin, cancel = context.WithDeadline(ctx, began.Add(g.cfg.Duration))
		defer cancel()
	}
	var frames []byte
	for {
		left := g.left(me.done*lanes+uint64(i), lanes)
		if left == 0 {
			return nil
		}
		due, err := pace.wait(begin, me.done, min(uint64(run), left))
		if err != nil {
			return ctx.Err() // nil when only the duration is over
		}
		frames = frames[:0]
		made := time.Now().UnixNano() // read once; the records are a nanosecond apart
		for k := range due {
			frames, _ = g.source.AppendFrame(frames, (me.done+k)*lanes+uint64(i), made+int64(k))
		}
		sent := time.Now()
		refused, err := out.send(ctx, frames)
		if err != nil {
			return err
		}
		g.latency.add(time.Since(sent))
		for k := range due {
			n := (me.done+k)*lanes + uint64(i)
			if refused && g.source.Kind(n) == Good {
				me.refused = append(me.refused, n)
			}
		}
		me.done += due
		g.records.Add(due)
		g.bytes.Add(uint64(len(frames)))
	}
}

// left is how many numbers from n on, in steps of lanes, lie below the count.
func (g *Generator) left(n, lanes uint64) uint64 {
	switch {
	case g.cfg.Count == 0:
		return ^uint64(0)
	case n >= g.cfg.Count:
		return 0
	default:
		return (g.cfg.Count - n + lanes - 1) / lanes
	}
}

// pacer spreads records evenly over time, at most 10 ms in one go.
type pacer struct {
	began time.Time
	rate  float64 // records a second; 0 = no limit
}

// wait returns how many records of at most limit are due when done were sent,
// waiting until at least one is.
func (p *pacer) wait(ctx context.Context, done, limit uint64) (uint64, error) {
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if p.rate == 0 {
			return limit, nil
		}
		due := uint64(time.Since(p.began).Seconds() * p.rate)
		if due > done {
			return min(due-done, limit), nil
		}
		next := time.Duration(float64(done+1) / p.rate * float64(time.Second))
		select {
		case <-ctx.Done():
		case <-time.After(max(next-time.Since(p.began), 10*time.Millisecond)):
		}
	}
}
