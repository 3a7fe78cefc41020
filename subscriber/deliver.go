package subscriber

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"lagermeister/deadletter"
	"lagermeister/ledger"
	"lagermeister/sink"
)

// deliverer posts batches until every record has an outcome. Each batch has a
// goroutine of its own; the gate decides how many.
type deliverer struct {
	sink    sink.Sink
	liner   sink.Liner // the same, or nil
	gate    *gate
	refused *refusals
	pace    pace
	share   float64 // of refused records in a trial that keeps the pause up
	log     logrus.FieldLogger
	metrics *metrics
	report  *report
	batches sync.WaitGroup

	mu    sync.Mutex
	spare []*batch // no more than were ever on their way together
}

// emptyBatch returns a batch whose memory was used before, if there is one. (A
// sync.Pool would give it to the garbage collector whenever that runs, and batches
// would grow anew again and again.)
func (d *deliverer) emptyBatch() *batch {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := len(d.spare)
	if n == 0 {
		return &batch{}
	}
	b := d.spare[n-1]
	d.spare = d.spare[:n-1]
	return b
}

func (d *deliverer) recycle(b *batch) {
	clear(b.items) // they keep blocks alive
	clear(b.records)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.spare = append(d.spare, b)
}

// take begins to deliver b, waiting for a place among the batches in flight. It
// reports false when ctx ended first; the records of b then have no outcome.
func (d *deliverer) take(ctx context.Context, b *batch) bool {
	size := b.memory()
	if d.gate.admit(ctx, size) != nil {
		return false
	}
	d.batches.Go(func() {
		defer d.gate.leave(size)
		d.metrics.batchSize(len(b.items), b.size)
		d.deliver(ctx, b.seal(d.liner != nil))
		d.recycle(b)
	})
	return true
}

// deliver sends p until each record has an outcome or waiting makes no sense any
// more. What is left then goes back to the stream with its block.
func (d *deliverer) deliver(ctx context.Context, p part) {
	for attempt := 1; ; attempt++ {
		trial, err := d.gate.enter(ctx)
		if err != nil {
			return
		}
		began := time.Now()
		err = d.sink.Send(ctx, p.records, p.results)
		d.gate.done()
		if ctx.Err() != nil && err != nil {
			return
		}
		took := time.Since(began)
		d.metrics.posted(took)
		d.report.posted(p.len(), took)

		var why *sink.Error
		if err != nil && !errors.As(err, &why) {
			why = &sink.Error{Class: sink.Again, Err: err}
		}
		if p = d.settle(ctx, p, trial, why); p.len() == 0 {
			return
		}
		if why == nil { // refusals, kept because delivery is paused now
			if d.gate.sleep(ctx, d.backoff(attempt), "refusals") != nil {
				return
			}
			continue
		}
		d.report.failed(why)
		if why.Status == http.StatusTooManyRequests {
			d.gate.throttled(began)
		}
		switch {
		case why.Class == sink.Split && p.len() > 1:
			d.retried(why)
			one, other := p.halves()
			d.deliver(ctx, one)
			d.deliver(ctx, other)
			return
		case why.Class == sink.Pause:
			d.pause(pauseSink, why.Error())
		default:
			wait := d.backoff(attempt)
			if why.RetryAfter > 0 {
				d.gate.coolDown(why.RetryAfter)
			}
			d.log.WithError(why).WithFields(logrus.Fields{"records": p.len(), "attempt": attempt, "retry_in": max(wait, why.RetryAfter).Round(time.Millisecond)}).
				Warn("sink did not take the batch, sending it again")
			d.retried(why)
			if d.gate.sleep(ctx, wait, why.Error()) != nil {
				return
			}
		}
	}
}

// retried counts an attempt that has to be repeated.
func (d *deliverer) retried(why *sink.Error) {
	d.metrics.retried(why.Class)
	d.report.retried(why.Status)
}

// settle gives the records with a final outcome to their blocks and returns the
// others. Refused records stay too while refusals look like the sink's own
// fault; after a post without an error they are the only ones that stay.
func (d *deliverer) settle(ctx context.Context, p part, trial bool, why *sink.Error) part {
	keepRefused := d.judge(p, trial, why)
	keep := func(i int) bool {
		r := p.results[i].Outcome
		return r == sink.Retry || r == sink.Refused && keepRefused && !p.items[i].block.replayed
	}
	delivered := 0
	var oldest time.Time
	for i := 0; i < p.len(); {
		b := p.items[i].block
		var t ledger.Block
		n := int64(0)
		for ; i < p.len() && p.items[i].block == b; i++ {
			if keep(i) {
				continue
			}
			switch p.results[i].Outcome {
			case sink.Refused:
				d.buryRefused(ctx, p.records[i], p.items[i], p.results[i])
				continue
			case sink.Already:
				t.Already++
			case sink.Repaired:
				t.Repaired++
			}
			t.Delivered++
			n++
		}
		if n > 0 {
			if delivered += int(n); !b.replayed && (oldest.IsZero() || b.cut.Before(oldest)) {
				oldest = b.cut
			}
			b.end(t, n)
		}
	}
	d.report.delivered(delivered, oldest)
	return p.keep(keep)
}

// judge looks at what an attempt says about the sink: whether a pause begins,
// goes on or ends. It reports whether refused records are to be kept. That a
// replay is refused says nothing about the sink: dead letters are what it refused
// before, and nothing is lost by it.
func (d *deliverer) judge(p part, trial bool, why *sink.Error) (keepRefused bool) {
	refused, taken := 0, 0
	for _, r := range p.results {
		switch r.Outcome {
		case sink.Refused:
			refused++
		case sink.Delivered, sink.Already, sink.Repaired:
			taken++
		}
	}
	if trial {
		if !d.recovered(refused, taken, why) {
			return true
		}
		d.refused.forget()
		d.resume()
	}
	refused = 0
	for i, r := range p.results {
		switch r.Outcome {
		case sink.Refused:
			if !p.items[i].block.replayed {
				refused++
				d.refused.add(refusal(r))
			}
		case sink.Delivered, sink.Already, sink.Repaired:
			d.refused.add("")
		}
	}
	if refused == 0 {
		return false
	}
	reason, n := d.refused.tooMany()
	if reason == "" {
		return false
	}
	d.pause(pauseRefused, fmt.Sprintf("%d of the last %d records were refused: %s", n, remembered, reason))
	return true
}

// recovered decides from the one post that a paused sink was given whether it is
// itself again. One that refused too much must take a fair share of the records;
// any other has to say something about them.
func (d *deliverer) recovered(refused, taken int, why *sink.Error) bool {
	if kind, _ := d.gate.pausedFor(); kind == pauseRefused {
		return taken > 0 && float64(refused) <= d.share*float64(refused+taken)
	}
	return refused+taken > 0 || why != nil && why.Class == sink.Split
}

// refusal names the reason of a refusal, as far as records can share one.
func refusal(r sink.Result) string {
	if r.Type != "" {
		return r.Type
	}
	return "status " + strconv.Itoa(r.Status)
}

// pause stops delivery until a trial succeeds.
func (d *deliverer) pause(kind pauseKind, why string) {
	if d.gate.pause(kind, why) {
		d.metrics.paused(string(kind))
		d.log.WithFields(logrus.Fields{"reason": why, "probe_every": d.pace.probe}).
			Error("delivery is paused, the stream keeps the records: put the sink in order; it is tried again by itself")
	}
}

func (d *deliverer) resume() {
	if d.gate.resume() {
		d.metrics.resumed(string(pauseSink), string(pauseRefused))
		d.log.Info("the sink takes records again, delivery goes on")
	}
}

// probe asks a paused sink whether a trial is worth making, until ctx ends.
func (d *deliverer) probe(ctx context.Context) {
	tick := time.NewTicker(d.pace.probe)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		_, paused := d.gate.pausedFor()
		if paused == "" {
			continue
		}
		if err := d.sink.Probe(ctx); err != nil {
			d.log.WithError(err).WithField("reason", paused).Error("delivery is still paused")
			continue
		}
		d.gate.allowTrial()
	}
}

// backoff is the wait after the given failed attempt: full jitter, so that
// batches which failed together do not return together.
func (d *deliverer) backoff(attempt int) time.Duration {
	most := d.pace.retryMax
	if attempt < 20 {
		most = min(most, d.pace.retryMin<<attempt)
	}
	return rand.N(most + 1)
}

func (d *deliverer) buryRefused(ctx context.Context, r sink.Record, it item, why sink.Result) {
	d.bury(ctx, it.block, it.index, deadletter.Letter{
		ID:        string(r.ID),
		Status:    why.Status,
		ErrorType: why.Type,
		Reason:    why.Reason,
		Frame:     r.Frame,
	})
}

// bury stores a dead letter; the record has its outcome when it is stored.
func (d *deliverer) bury(ctx context.Context, b *block, index int, l deadletter.Letter) {
	now := time.Now()
	l.Sequence, l.Index, l.Origin, l.Cut = b.position, index, b.origin, b.cutMs
	l.Sink, l.First, l.Last, l.Attempts = d.sink.Name(), now, now, 1
	b.from.bury(ctx, b, l, func() { b.end(ledger.Block{Dead: 1}, 1) })
}
