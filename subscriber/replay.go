package subscriber

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/deadletter"
	"lagermeister/ledger"
	"lagermeister/stream"
)

// replayTries is how often a replay that cannot be taken yet is put off.
const replayTries = 100

// Outcomes of replayed records in the metrics.
const (
	replayDelivered = "delivered"
	replayFiltered  = "filtered"
	replayRefused   = "refused"
	replayGone      = "gone"
	replayDropped   = "dropped"
)

// replays reads what the group of src is to deliver once more ("Replay" in
// docs/wire-format.md). Its blocks go the way of all others, except:
//
//   - The stream's ledger does not see them. Only a dead letter that is delivered
//     is reported there, as moved; then its entry goes, then the replay is
//     acknowledged. A crash in between repeats the later steps.
//   - A dead letter is taken while its entry is there and the block it comes from
//     is settled; the match spec does not apply to it any more.
//   - What is refused is no reason to pause the sink. A dead letter stays one,
//     with one attempt more; any other record is logged and counted, since its
//     block was settled long ago and it stands in the stream still.
type replays struct {
	intake
	src  *source
	js   jetstream.JetStream
	dead jetstream.Stream

	// Owned by run.
	state  ledger.State // of the group, as it was last folded
	folded time.Time

	mu    sync.Mutex
	ended []*block      // with an outcome for each record, not yet concluded
	busy  bool          // some are being concluded
	wake  chan struct{} // holds a token when there are ended ones
	idle  chan struct{} // holds a token when all are concluded
}

// entry is the dead letter that a replay is.
type entry struct {
	deadletter.Letter
	at      uint64             // sequence in <stream>_DEAD
	refusal *deadletter.Letter // when it was refused again; guarded by block.mu
}

// torn says that the entry's bytes were no frame among frames.
func (e *entry) torn() bool {
	return e != nil && e.ErrorType == deadletter.Undecodable && e.Reason == deadletter.NoFrame
}

func newReplays(ctx context.Context, src *source) (*replays, error) {
	r := &replays{
		intake: src.intake, src: src, js: src.js,
		wake: make(chan struct{}, 1), idle: make(chan struct{}, 1),
	}
	r.stream, r.accept = stream.Replay, r.take
	return r, r.open(ctx)
}

// open makes sure that the group can be sent replays.
func (r *replays) open(ctx context.Context) (err error) {
	if r.dead, err = r.js.Stream(ctx, stream.DeadName(r.src.stream)); err != nil {
		return fmt.Errorf("look up stream %s: %w", stream.DeadName(r.src.stream), err)
	}
	r.consumer, err = stream.EnsureReplayConsumer(ctx, r.js, r.src.stream, r.group)
	return err
}

// run hands replays to out until ctx ends. When somebody deletes the consumer it
// is made again: records of the stream do not depend on it.
func (r *replays) run(ctx context.Context, out chan<- *block) {
	for {
		err := r.fetch(ctx, out)
		for err != nil && ctx.Err() == nil {
			r.log.WithError(err).Warn("replays cannot be read, trying again")
			sleep(ctx, r.pace.rescan)
			err = r.open(ctx)
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// take makes a block of a replay; nil when there is nothing to deliver.
func (r *replays) take(ctx context.Context, msg *nats.Msg) *block {
	meta, err := msg.Metadata()
	if err != nil {
		r.log.WithError(err).Warn("message without JetStream metadata ignored")
		return nil
	}
	r.more = meta.NumPending > 0
	h := msg.Header
	b := &block{
		from:     r,
		seq:      meta.Sequence.Stream,
		origin:   h.Get(stream.HeaderOrigin),
		replayed: true,
		header:   h,
		body:     msg.Data,
		reply:    msg.Reply,
	}
	b.cut, b.cutMs = cutOf(h.Get(stream.HeaderCut), meta.Timestamp)
	b.position, _ = strconv.ParseUint(h.Get(stream.HeaderSequence), 10, 64) // only documents tell it
	b.first, err = strconv.Atoi(h.Get(stream.HeaderIndex))
	known, settled := r.held.add(b)
	switch {
	case known != nil:
		if settled { // only the ack was lost
			r.acknowledge(known, b.reply)
		}
		r.metrics.redelivered()
		return nil
	case err != nil || b.first < 0 || !stream.PlainOrigin(b.origin):
		r.drop(b, fmt.Errorf("headers %s=%q, %s=%q do not say which records these are",
			stream.HeaderOrigin, b.origin, stream.HeaderIndex, h.Get(stream.HeaderIndex)))
		return nil
	case h.Get(stream.HeaderDead) == "":
		return b
	}
	err = r.fetchEntry(ctx, b, h.Get(stream.HeaderDead))
	switch {
	case err == nil:
		return b
	case errors.Is(err, deadletter.ErrGone):
		r.metrics.replayed(replayGone, 1)
		r.done(b)
	case errors.Is(err, errForeign), meta.NumDelivered >= replayTries:
		r.drop(b, err)
	default:
		r.putOff(b, err)
	}
	return nil
}

var (
	errForeign   = errors.New("not a dead letter of this group")
	errUnsettled = errors.New("the block of the dead letter is not settled yet")
)

// fetchEntry makes b the dead letter that is stored under subject. Of the bytes
// only the entry's are kept.
func (r *replays) fetchEntry(ctx context.Context, b *block, subject string) error {
	ask, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	msg, err := r.dead.GetLastMsgForSubject(ask, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return deadletter.ErrGone
	}
	if err != nil {
		return fmt.Errorf("look up dead letter %s: %w", subject, err)
	}
	l, err := deadletter.Parse(msg.Subject, msg.Header, msg.Data)
	if err != nil || l.Stream != r.src.stream || l.Group != r.group {
		return fmt.Errorf("%s: %w", subject, errForeign)
	}
	if err := r.checkSettled(ctx, l); err != nil {
		return err
	}
	b.body, b.position, b.first = l.Frame, l.Sequence, l.Index
	b.entry = &entry{Letter: l, at: msg.Sequence}
	return nil
}

// checkSettled refuses letters of blocks that may still be on their way: they
// would be delivered twice, and moved before they count as dead.
func (r *replays) checkSettled(ctx context.Context, l deadletter.Letter) error {
	settled := func() bool {
		return l.Epoch < r.src.epoch || l.Epoch == r.src.epoch && l.Epoch == r.state.Epoch && r.state.Settled.Has(l.Sequence)
	}
	if !settled() && time.Since(r.folded) >= r.pace.look {
		state, err := r.src.fold(ctx)
		if err != nil {
			return err
		}
		r.state, r.folded = state, time.Now()
	}
	if !settled() {
		return errUnsettled
	}
	return nil
}

// putOff has a replay delivered again a little later.
func (r *replays) putOff(b *block, why error) {
	r.log.WithError(why).WithField("replay", b.seq).Debug("replay put off")
	reply := r.held.remove(b)
	_ = r.nc.Publish(reply, fmt.Appendf(nil, `-NAK {"delay":%d}`, r.pace.look)) // without a broker it comes again after ack_wait
}

// drop gives up on a replay; nothing is lost, since what it is about stays where it is.
func (r *replays) drop(b *block, why error) {
	r.log.WithError(why).WithField("replay", b.seq).Warn("replay dropped")
	r.metrics.replayed(replayDropped, 1)
	r.done(b)
}

// done acknowledges a replay of which nothing is left to do.
func (r *replays) done(b *block) {
	if b, reply := r.held.settle(r, b.seq); b != nil {
		r.acknowledge(b, reply)
	}
}
