package subscriber

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// pauseKind is why delivery is paused.
type pauseKind string

const (
	pauseSink    pauseKind = "sink"    // the sink's answer needs an operator
	pauseRefused pauseKind = "refused" // it refuses most of what it gets
)

// errDraining ends a wait that makes no sense at shutdown: for a sink that is
// paused or has asked for time.
var errDraining = errors.New("stopping")

// gate decides when a batch may start and when a post may leave: how many at a
// time, how many bytes together, and not while the sink is paused, has asked for
// time, or dead letters cannot be stored.
type gate struct {
	maxBytes int64

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced at every change
	limit    int           // posts at a time
	since    time.Time     // when limit last changed
	halved   time.Time     // when it was last halved
	posts    int           // being sent
	batches  int           // admitted
	bytes    int64         // of admitted batches
	cool     time.Time     // nothing leaves before
	paused   string        // why, "" when open
	kind     pauseKind     // of the pause
	trial    bool          // one post may leave to see whether the pause is over
	held     bool          // nothing may leave, for a reason that is not the sink's
	naps     map[*nap]struct{}
	draining bool
}

// nap is a batch in back-off.
type nap struct {
	end time.Time
	why string
}

func newGate(maxBytes int64) *gate {
	return &gate{maxBytes: maxBytes, changed: make(chan struct{}), limit: startPosts, since: time.Now(), naps: map[*nap]struct{}{}}
}

// admit waits until a batch of size bytes may start. Each admitted batch ends
// with leave. A batch larger than the limit starts when it is alone.
func (g *gate) admit(ctx context.Context, size int) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.batches >= g.limitLocked() || g.batches > 0 && g.bytes+int64(size) > g.maxBytes {
		if err := g.waitLocked(ctx, postGrowth); err != nil {
			return err
		}
	}
	g.batches++
	g.bytes += int64(size)
	return nil
}

func (g *gate) leave(size int) {
	g.update(func() { g.batches--; g.bytes -= int64(size) })
}

// enter waits until one post may leave; done must follow it. trial says that the
// sink is paused and this post is to find out whether it still has to be.
func (g *gate) enter(ctx context.Context) (trial bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		cool := time.Until(g.cool)
		stopped := cool > 0 || g.held || g.paused != "" && !g.trial
		switch {
		case stopped && g.draining:
			return false, errDraining
		case !stopped && g.posts < g.limitLocked():
			trial, g.trial = g.trial, false
			g.posts++
			return trial, nil
		}
		if cool <= 0 {
			cool = postGrowth
		}
		if err := g.waitLocked(ctx, cool); err != nil {
			return false, err
		}
	}
}

func (g *gate) done() { g.update(func() { g.posts-- }) }

// sleep waits for d, the back-off of a batch that failed for that reason; at
// shutdown it does not.
func (g *gate) sleep(ctx context.Context, d time.Duration, why string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := &nap{time.Now().Add(d), why}
	g.naps[n] = struct{}{}
	defer delete(g.naps, n)
	for {
		left := time.Until(n.end)
		if left <= 0 {
			return nil
		}
		if g.draining {
			return errDraining
		}
		if err := g.waitLocked(ctx, left); err != nil {
			return err
		}
	}
}

// throttled halves the number of posts in flight; began is when the post left
// that was answered 429. Posts that left before the last change do not count:
// they tell about a number that is no longer in use.
func (g *gate) throttled(began time.Time) {
	g.update(func() {
		g.limit = g.limitLocked()
		g.since = time.Now()
		if began.After(g.halved) {
			g.limit = max(g.limit/2, 1)
			g.halved = g.since
		}
	})
}

// coolDown lets nothing leave for d.
func (g *gate) coolDown(d time.Duration) {
	g.update(func() {
		if until := time.Now().Add(d); until.After(g.cool) {
			g.cool = until
		}
	})
}

// pause stops everything until a trial succeeds; it reports whether the gate was
// open until now.
func (g *gate) pause(kind pauseKind, why string) (first bool) {
	g.update(func() {
		first = g.paused == ""
		g.kind, g.paused, g.trial = kind, why, false
	})
	return first
}

// allowTrial lets one post through a paused gate.
func (g *gate) allowTrial() { g.update(func() { g.trial = g.paused != "" }) }

// resume opens a paused gate; it reports whether it was paused.
func (g *gate) resume() (was bool) {
	g.update(func() {
		was = g.paused != ""
		g.paused, g.trial = "", false
	})
	return was
}

// hold stops everything while dead letters cannot be stored.
func (g *gate) hold(held bool) { g.update(func() { g.held = held }) }

// drain ends all waits for a sink that is not ready.
func (g *gate) drain() { g.update(func() { g.draining = true }) }

// isHeld reports whether hold stops everything.
func (g *gate) isHeld() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.held
}

// pausedFor says why the sink is paused, with empty words when it is not.
func (g *gate) pausedFor() (kind pauseKind, why string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.kind, g.paused
}

// inFlight is the number of posts being sent and how many may be.
func (g *gate) inFlight() (posts, limit int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.posts, g.limitLocked()
}

// backingOff is the number of batches that wait before they are sent again, how
// long the next one still does, and why.
func (g *gate) backingOff() (batches int, next time.Duration, why string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var first *nap
	for n := range g.naps {
		if first == nil || n.end.Before(first.end) {
			first = n
		}
	}
	if first == nil {
		return 0, 0, ""
	}
	return len(g.naps), max(time.Until(first.end), 0), first.why
}

// cooling is how long nothing may leave because the sink has asked for time.
func (g *gate) cooling() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(time.Until(g.cool), 0)
}

// words say how delivery goes at present.
func (g *gate) words() []string {
	posts, limit := g.inFlight()
	list := []string{fmt.Sprintf("%d of %d posts are in flight", posts, limit)}
	if wait := g.cooling(); wait > 0 {
		list = append(list, fmt.Sprintf("the sink has asked for %v without posts", wait.Round(time.Millisecond)))
	}
	if batches, next, why := g.backingOff(); batches > 0 {
		list = append(list, fmt.Sprintf("%d batches wait to be sent again, the next one for %v, after %s", batches, next.Round(time.Millisecond), why))
	}
	return list
}

// admitted is the number of bytes of all batches on their way.
func (g *gate) admitted() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.bytes
}

// limitLocked is the limit with what it has grown since it was last changed.
func (g *gate) limitLocked() int {
	grown := int(time.Since(g.since) / postGrowth)
	return min(g.limit+grown, maxPosts)
}

func (g *gate) update(change func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change()
	close(g.changed)
	g.changed = make(chan struct{})
}

// waitLocked gives the lock up until something changes, for d at most.
func (g *gate) waitLocked(ctx context.Context, d time.Duration) error {
	changed := g.changed
	g.mu.Unlock()
	defer g.mu.Lock()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}
