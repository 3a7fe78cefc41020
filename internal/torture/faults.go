package torture

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"time"
)

// tally counts what was done and how long it took to go on.
type tally struct {
	mu       sync.Mutex
	done     map[string]int // by fault and kind of target
	skipped  []string
	recovery map[string][]time.Duration // by fault and kind of target
	filled   int                        // times the stream refused while it was filled
}

func newTally() *tally {
	return &tally{done: map[string]int{}, recovery: map[string][]time.Duration{}}
}

// kind is a target without its number.
func kind(e Event) string {
	target := e.Target
	if target == leader {
		target = "nats leader"
	}
	return string(e.Fault) + " of " + strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, target)
}

func (t *tally) did(e Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done[kind(e)]++
}

func (t *tally) skip(e Event, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.skipped = append(t.skipped, fmt.Sprintf("%v: %v", e, err))
}

func (t *tally) recovered(e Event, after time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.recovery[kind(e)] = append(t.recovery[kind(e)], after)
}

// executor does what a schedule says. Every fault is mended when it returns.
type executor struct {
	suite   *suite
	clients *clients
	oracle  *oracle
	tally   *tally
	log     func(format string, args ...any)
	wait    sync.WaitGroup
}

// run does all events at their time, each lane by itself.
func (x *executor) run(ctx context.Context, plan []Event) {
	began := time.Now()
	byLane := map[string][]Event{}
	for _, e := range plan {
		byLane[e.Lane] = append(byLane[e.Lane], e)
	}
	for _, events := range byLane {
		x.wait.Go(func() {
			for _, e := range events {
				if pause(ctx, time.Until(began.Add(e.At))) != nil {
					return
				}
				x.log("%v", e)
				if err := x.do(ctx, e); err != nil {
					x.tally.skip(e, err)
					x.log("%v: skipped or not mended: %v", e, err)
				} else {
					x.tally.did(e)
				}
			}
		})
	}
	x.wait.Wait()
}

// do does one fault, and mends it after its time.
func (x *executor) do(ctx context.Context, e Event) error {
	switch {
	case e.Fault == Fill:
		return x.fill(ctx, e)
	case e.Target == bulkSink || e.Target == batchSink:
		far := x.farEnd(e.Target)
		far.hurt(e.Fault)
		defer far.hurt("")
		return ignore(pause(ctx, e.For))
	case e.Lane == "clients":
		x.clients.hostile(ctx, e.Fault, e.For)
		return nil
	case x.suite.links[e.Target] != nil:
		for _, k := range x.suite.links[e.Target] {
			k.hurt(e.Fault)
			defer k.hurt("")
		}
		return ignore(pause(ctx, e.For))
	case x.suite.programs[e.Target] != nil:
		return x.hurt(ctx, e, x.suite.programs[e.Target])
	}
	if err := x.suite.whole(ctx, 30*time.Second); err != nil {
		return err // the node before is not back yet
	}
	node, err := x.suite.node(ctx, e.Target)
	if err != nil {
		return err
	}
	began := time.Now()
	x.wait.Go(func() {
		if after, err := x.clients.acks.next(ctx, began, patience); err == nil {
			x.tally.recovered(e, after)
		}
	})
	return x.hurt(ctx, e, node)
}

func (x *executor) farEnd(name string) *farEnd {
	if name == bulkSink {
		return x.suite.bulk
	}
	return x.suite.batch
}

// ignore makes the end of a run no error: what was begun is mended all the same.
func ignore(error) error { return nil }

// hurt hurts a process. It runs again when hurt returns, and is ready unless its
// links or the nodes are away.
func (x *executor) hurt(ctx context.Context, e Event, p *process) error {
	switch e.Fault {
	case Freeze:
		p.signal(syscall.SIGSTOP)
		defer p.signal(syscall.SIGCONT)
		return ignore(pause(ctx, e.For))
	case Terminate:
		life, _ := p.lives()
		switch code := p.terminate(); {
		case code == 0:
			for _, r := range x.clients.receipts {
				if r.receiver == p {
					r.drained(life)
				}
			}
		case code == 75 || p.path == x.suite.nodes[0].path:
			x.log("%s was asked to stop and ended with code %d", p.name, code)
		case code > 0:
			x.oracle.complain("SIGTERM ends a program with code 0 or 75", "%s: %d", p.name, code)
		}
	case Kill:
		p.kill()
	}
	_ = pause(ctx, e.For)
	if err := p.start(); err != nil {
		return err
	}
	if x.suite.programs[p.name] == p {
		x.wait.Go(func() {
			if after, err := p.ready(ctx); err == nil {
				x.tally.recovered(e, after)
			}
		})
	}
	return nil
}

// fill pauses a sink and has the clients send all they can until a receiver finds
// the stream full, for the time of the event at most.
func (x *executor) fill(ctx context.Context, e Event) error {
	far := x.farEnd(e.Target)
	before := x.refusals()
	x.clients.burst.Store(true)
	defer x.clients.burst.Store(false)
	full := within(ctx, e.For, func() bool {
		far.hurt(Fill) // again and again: the sink's own lane mends too
		return x.refusals() > before
	})
	if full {
		x.tally.mu.Lock()
		x.tally.filled++
		x.tally.mu.Unlock()
		for end := time.Now().Add(3 * time.Second); time.Now().Before(end) && pause(ctx, 100*time.Millisecond) == nil; {
			far.hurt(Fill)
		}
	}
	far.hurt("")
	return nil
}

// refusals counts how often the stream was full to a receiver that lives.
func (x *executor) refusals() (sum float64) {
	for _, name := range []string{"tcp1", "tcp2", "http1", "http2"} {
		sum += x.suite.programs[name].series(`lagermeister_publisher_failed_sends_total{`, `reason="full"`)
	}
	return sum
}
