package subscriber

import (
	"context"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/deadletter"
	"lagermeister/ledger"
	"lagermeister/stream"
)

// count adds outcomes to the metrics.
func (r *replays) count(t ledger.Block) {
	r.metrics.replayed(replayDelivered, t.Delivered)
	r.metrics.replayed(replayFiltered, t.Filtered)
	r.metrics.replayed(replayRefused, t.Dead)
}

// bury notes that a record was refused. An entry is replaced when the replay is
// concluded; for other records there is no place among the dead letters: their
// block is settled, and a letter that counts nowhere would unbalance the ledger.
func (r *replays) bury(_ context.Context, b *block, l deadletter.Letter, stored func()) {
	if b.entry != nil {
		b.mu.Lock()
		b.entry.refusal = &l
		b.mu.Unlock()
	} else {
		r.log.WithField("position", l.Position()).WithField("status", l.Status).WithField("type", l.ErrorType).WithField("reason", l.Reason).
			Warn("replayed record refused, it stays in the stream only")
	}
	stored()
}

// settle queues a replay whose records all have an outcome.
func (r *replays) settle(b *block, _ ledger.Block) {
	r.mu.Lock()
	r.ended = append(r.ended, b)
	r.mu.Unlock()
	wakeUp(r.wake)
}

// conclude does what follows an outcome, for all replays that have one, until ctx
// ends: what was delivered is reported as moved, what was refused is replaced,
// and then both are acknowledged.
func (r *replays) conclude(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		}
		for blocks := r.next(); len(blocks) > 0; blocks = r.next() {
			r.concludeAll(ctx, blocks)
		}
	}
}

func (r *replays) next() (blocks []*block) {
	r.mu.Lock()
	defer r.mu.Unlock()
	blocks, r.ended = r.ended, nil
	if r.busy = len(blocks) > 0; !r.busy {
		wakeUp(r.idle)
	}
	return blocks
}

// flush waits until everything that has ended is concluded, or ctx ends.
func (r *replays) flush(ctx context.Context) {
	if r == nil {
		return
	}
	for {
		r.mu.Lock()
		done := len(r.ended) == 0 && !r.busy
		r.mu.Unlock()
		if done {
			return
		}
		select {
		case <-r.idle:
		case <-ctx.Done():
			return
		}
	}
}

func (r *replays) concludeAll(ctx context.Context, blocks []*block) {
	moved := map[int64][]string{} // by epoch
	for _, b := range blocks {
		if b.entry.delivered() {
			moved[b.entry.Epoch] = append(moved[b.entry.Epoch], b.entry.Position())
		}
	}
	for epoch, positions := range moved {
		if !r.report(ctx, epoch, positions) {
			return // they are given back, and the sink will say that it has them
		}
	}
	for _, b := range blocks {
		if b.entry != nil {
			if err := r.mend(ctx, b.entry); err != nil {
				r.log.WithError(err).WithField("letter", b.entry.Subject()).Warn("dead letter neither removed nor replaced, replaying it once more")
				r.putOff(b, err)
				continue
			}
		}
		r.done(b)
	}
}

// delivered says that the sink has taken the letter.
func (e *entry) delivered() bool { return e != nil && e.refusal == nil }

// report stores in the ledger that dead letters have moved to the delivered ones,
// and repeats that until it is done or ctx ends.
func (r *replays) report(ctx context.Context, epoch int64, positions []string) bool {
	body := (&ledger.Message{Moved: positions}).Append(nil)
	for failures := 0; ; {
		msg := &nats.Msg{
			Subject: stream.LedgerSubject(r.src.stream, r.group), Data: body,
			Header: nats.Header{stream.HeaderEpoch: {strconv.FormatInt(epoch, 10)}},
		}
		_, err := r.js.PublishMsg(ctx, msg)
		if err == nil || ctx.Err() != nil {
			return err == nil
		}
		if failures++; ledger.IsFull(err) {
			_, _ = r.src.fold(ctx) // makes room; when it cannot, the next attempt tells
		}
		r.log.WithError(err).WithField("letters", len(positions)).WithField("attempt", failures).
			Warn("the ledger does not take that dead letters were delivered, trying again")
		sleep(ctx, min(50*time.Millisecond<<min(failures, 7), 5*time.Second))
	}
}

// mend brings the entry up to date: it goes when it was delivered, whatever it
// looks like by now, and is replaced when it was refused again. An entry that was
// removed or replaced by others meanwhile stays as they left it.
func (r *replays) mend(ctx context.Context, e *entry) error {
	ask, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if e.delivered() {
		return r.dead.Purge(ask, jetstream.WithPurgeSubject(e.Subject()))
	}
	l := e.Letter
	l.Attempts, l.Last = l.Attempts+1, e.refusal.Last
	l.Sink, l.Status, l.ErrorType, l.Reason = e.refusal.Sink, e.refusal.Status, e.refusal.ErrorType, e.refusal.Reason
	if err := deadletter.Replace(ask, r.js, l, e.at); err != nil {
		r.log.WithError(err).Warn("the dead letter that was refused again stays as it was")
	}
	return nil
}

func wakeUp(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
