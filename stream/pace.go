package stream

import (
	"context"
	"time"
)

// Pacer holds work to a rate. It is used by one goroutine.
type Pacer struct {
	PerSecond float64 // 0: as fast as it goes

	began time.Time
	done  float64
}

// Wait returns when n more may be done, or ctx ends. What was missed while the
// work itself was slow is made up for by one second's worth at most.
func (p *Pacer) Wait(ctx context.Context, n int) error {
	if p.PerSecond <= 0 {
		return ctx.Err()
	}
	now := time.Now()
	due := p.began.Add(time.Duration(p.done / p.PerSecond * float64(time.Second)))
	if p.began.IsZero() || now.Sub(due) > time.Second {
		p.began, p.done, due = now, 0, now
	}
	p.done += float64(n)
	return Pause(ctx, due.Sub(now))
}

// Pause waits for d, or until ctx ends.
func Pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
