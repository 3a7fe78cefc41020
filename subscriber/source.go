package subscriber

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/deadletter"
	"lagermeister/ledger"
	"lagermeister/stream"
)

// The answers to a delivery.
var (
	ack        = []byte("+ACK")
	nak        = []byte("-NAK")
	inProgress = []byte("+WPI")
)

// reader is what blocks come from: a stream, or the replays for a group.
type reader interface {
	// count tells of outcomes when they are known.
	count(outcomes ledger.Block)
	// bury keeps what the sink refuses for good. stored is called when that is
	// done, and never when ctx ended first.
	bury(ctx context.Context, b *block, l deadletter.Letter, stored func())
	// settle is called once, when each record of b has an outcome. It does not block.
	settle(b *block, total ledger.Block)
	// acknowledge lets go of b, which is settled.
	acknowledge(b *block, reply string)
}

// source is one stream that the group reads: it fetches blocks, settles and
// acknowledges them.
type source struct {
	intake
	js       jetstream.JetStream
	kv       jetstream.KeyValue
	created  int64 // of the stream, unix ns
	epoch    int64
	baseline uint64
	subject  string // what of the stream is for us

	member  *nats.Subscription // see attend
	ledger  *ledger.Sender
	dead    *deadletter.Store
	trimmer *stream.Trimmer
	replays *replays // nil in a group that forwards
}

// take makes a block of a delivery; nil when the block is held already.
func (s *source) take(_ context.Context, msg *nats.Msg) *block {
	meta, err := msg.Metadata()
	if err != nil { // not a delivery of JetStream: nobody waits for an answer
		s.log.WithError(err).Warn("message without JetStream metadata ignored")
		return nil
	}
	s.more = meta.NumPending > 0
	b := &block{
		from:     s,
		seq:      meta.Sequence.Stream,
		position: meta.Sequence.Stream,
		other:    !stream.Matches(s.subject, msg.Subject),
		header:   msg.Header,
		body:     msg.Data,
		reply:    msg.Reply,
	}
	b.origin = stream.Origin(b.header.Get(stream.HeaderMsgID), s.stream, s.created, b.seq)
	b.cut, b.cutMs = cutOf(b.header.Get(stream.HeaderCut), meta.Timestamp)

	known, settled := s.held.add(b)
	switch {
	case known == nil:
		s.metrics.received()
		return b
	case settled: // only the ack was lost
		s.acknowledge(known, b.reply)
	}
	s.metrics.redelivered()
	return nil
}

// cutOf is when a block was cut, and the same as unix ms; without a header that
// says so, the time it was stored stands in.
func cutOf(header string, stored time.Time) (time.Time, string) {
	cut := stream.CutTime(header, stored)
	return cut, strconv.FormatInt(cut.UnixMilli(), 10)
}

// count adds outcomes to the metrics.
func (s *source) count(t ledger.Block) { s.metrics.ended(t) }

// bury stores a dead letter.
func (s *source) bury(ctx context.Context, _ *block, l deadletter.Letter, stored func()) {
	l.Stream, l.Group, l.Epoch = s.stream, s.group, s.epoch
	s.dead.Put(ctx, l, stored)
}

// settle queues the settlement of a block.
func (s *source) settle(_ *block, total ledger.Block) { s.ledger.Settle(total) }

// settledBlocks acknowledges what is settled; the ledger's sender calls it.
func (s *source) settledBlocks(blocks []ledger.Block) {
	s.metrics.settled(len(blocks))
	for _, one := range blocks {
		if b, reply := s.held.settle(s, one.Sequence); b != nil {
			s.acknowledge(b, reply)
		}
	}
}

// look reads now and then how far the group is, and folds its settlements when
// the ledger fills up.
func (s *source) look(ctx context.Context) {
	for {
		select {
		case <-time.After(jitter(s.pace.look)):
			s.readLag(ctx)
		case <-s.ledger.OnFull():
			s.metrics.ledgerRefused()
		case <-ctx.Done():
			return
		}
		if err := s.foldIfNeeded(ctx); err != nil && ctx.Err() == nil {
			s.log.WithError(err).Warn("settlements not folded, trying again")
			sleep(ctx, jitter(s.pace.look))
		}
	}
}

func (s *source) readLag(ctx context.Context) {
	ask, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if info, err := s.consumer.Info(ask); err == nil {
		s.metrics.lag(s.stream, info.NumPending, uint64(info.NumAckPending))
	}
}

// foldIfNeeded folds this group's settlements when the ledger is over half full.
func (s *source) foldIfNeeded(ctx context.Context) error {
	ask, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	l, err := s.js.Stream(ask, stream.Ledger)
	if err != nil {
		return fmt.Errorf("look up %s: %w", stream.Ledger, err)
	}
	info := l.CachedInfo()
	if info.Config.MaxBytes <= 0 || info.State.Bytes <= uint64(info.Config.MaxBytes)/2 {
		return nil
	}
	_, err = s.fold(ctx)
	return err
}

// fold counts in all settlements of this group and returns what they add up to.
func (s *source) fold(ctx context.Context) (ledger.State, error) {
	folder := ledger.Folder{
		Stream: s.stream, Group: s.group, Epoch: s.epoch, Baseline: s.baseline,
		JS: s.js, KV: s.kv,
	}
	state, err := folder.Fold(ctx)
	if err == nil {
		s.metrics.folded()
	}
	return state, err
}
