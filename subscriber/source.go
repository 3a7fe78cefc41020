package subscriber

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"

	"lagermeister/deadletter"
	"lagermeister/ledger"
	"lagermeister/stream"
)

// fetchBlocks is how many blocks one fetch asks for at most.
const fetchBlocks = 512

// silence is how long nothing must have come, though there is more in the
// stream, before the group counts as being at its pending limit.
const silence = 100 * time.Millisecond

// The answers to a delivery.
var (
	ack        = []byte("+ACK")
	nak        = []byte("-NAK")
	inProgress = []byte("+WPI")
)

// source is one stream that the group reads: it fetches blocks, settles and
// acknowledges them.
type source struct {
	nc       *nats.Conn
	js       jetstream.JetStream
	kv       jetstream.KeyValue
	stream   string
	created  int64 // of the stream, unix ns
	group    string
	epoch    int64
	baseline uint64
	subject  string // what of the stream is for us
	pace     pace

	consumer jetstream.Consumer
	ledger   *ledger.Sender
	dead     *deadletter.Store
	trimmer  *stream.Trimmer
	held     *held
	metrics  *metrics
	log      logrus.FieldLogger

	// Owned by fetch.
	more bool // the last delivery said that the stream holds more
	owed bool // blocks were handed over since the last word that nothing more can come
}

// fetch hands blocks to out until ctx ends. A nil block says that nothing more
// can come before something is settled: the member holds all it may, or the
// group does. An error means that the group is gone and will not come back by
// itself.
func (s *source) fetch(ctx context.Context, out chan<- *block) error {
	full := func() { s.dry(ctx, out) }
	for failures := 0; ; {
		free, err := s.held.room(ctx, maxHeld, full)
		if err != nil {
			return nil
		}
		// One message must always fit, or the largest would never come.
		most := max(free, s.nc.MaxPayload()+4096)
		batch, err := s.consumer.Fetch(fetchBlocks, jetstream.FetchMaxBytes(int(most)), jetstream.FetchMaxWait(s.pace.fetch))
		if err == nil {
			s.receive(ctx, batch, out)
			err = batch.Error()
		}
		if err == nil {
			failures = 0
			continue
		}
		if failures++; s.gone(ctx, err, failures) {
			return fmt.Errorf("fetch from stream %s for group %s: the group was deleted; start again to begin a new one: %w", s.stream, s.group, err)
		}
	}
}

// receive hands over what a fetch brings. When ctx ends it goes on until the
// fetch is over, so that every delivery is known and can be given back.
func (s *source) receive(ctx context.Context, batch jetstream.MessageBatch, out chan<- *block) {
	quiet := time.NewTimer(silence)
	defer quiet.Stop()
	for {
		select {
		case msg, ok := <-batch.Messages():
			if !ok {
				return
			}
			b := s.accept(msg)
			if b == nil {
				continue
			}
			select {
			case out <- b:
				s.owed = true
			case <-ctx.Done():
			}
		case <-quiet.C:
			if s.more {
				s.dry(ctx, out)
			}
		}
		quiet.Reset(silence)
	}
}

// dry says once that nothing more can come for now.
func (s *source) dry(ctx context.Context, out chan<- *block) {
	if !s.owed {
		return
	}
	select {
	case out <- nil:
		s.owed = false
	case <-ctx.Done():
	}
}

// accept makes a block of a delivery; nil when the block is held already.
func (s *source) accept(msg jetstream.Msg) *block {
	meta, err := msg.Metadata()
	if err != nil { // not a delivery of JetStream: nobody waits for an answer
		s.log.WithError(err).Warn("message without JetStream metadata ignored")
		return nil
	}
	s.more = meta.NumPending > 0
	b := &block{
		src:    s,
		seq:    meta.Sequence.Stream,
		other:  !stream.Matches(s.subject, msg.Subject()),
		header: msg.Headers(),
		body:   msg.Data(),
		reply:  msg.Reply(),
	}
	if b.origin = b.header.Get(stream.HeaderMsgID); b.origin == "" {
		b.origin = fmt.Sprintf("%s/%d/%d", s.stream, s.created, b.seq)
	}
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
	if ms, err := strconv.ParseInt(header, 10, 64); err == nil {
		return time.UnixMilli(ms), header
	}
	return stored, strconv.FormatInt(stored.UnixMilli(), 10)
}

// gone handles a failed fetch: it waits a little, and finds out whether the
// group exists at all.
func (s *source) gone(ctx context.Context, cause error, failures int) bool {
	s.metrics.fetchFailed()
	if errors.Is(cause, nats.ErrConnectionClosed) {
		return true
	}
	ask, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := s.consumer.Info(ask)
	if errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
		return true
	}
	log := s.log.WithError(cause).WithField("failures", failures)
	if failures&(failures-1) == 0 { // 1, 2, 4, 8…
		log.Warn("nothing can be fetched, trying again")
	}
	sleep(ctx, min(50*time.Millisecond<<min(failures, 7), 5*time.Second))
	return false
}

// settledBlocks acknowledges what is settled; the ledger's sender calls it.
func (s *source) settledBlocks(blocks []ledger.Block) {
	s.metrics.settled(len(blocks))
	for _, one := range blocks {
		if b, reply := s.held.settle(s, one.Sequence); b != nil {
			s.acknowledge(b, reply)
		}
	}
}

// acknowledge lets go of a settled block. When the ack cannot be sent the block
// stays, and is acknowledged with the next sign of life.
func (s *source) acknowledge(b *block, reply string) {
	if s.nc.Publish(reply, ack) == nil {
		s.held.remove(b)
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
	folder := ledger.Folder{
		Stream: s.stream, Group: s.group, Epoch: s.epoch, Baseline: s.baseline,
		JS: s.js, KV: s.kv,
	}
	if _, err := folder.Fold(ctx); err != nil {
		return err
	}
	s.metrics.folded()
	return nil
}

// jitter is d, more or less, so that members do not ask in step.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d) }

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
