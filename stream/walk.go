package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A walk holds at most one fetch in memory: so many messages or bytes.
const (
	walkMessages = 500
	walkBytes    = 8 << 20
)

// ErrStop ends a walk from within, without an error.
var ErrStop = errors.New("stop")

// Walk says which messages of a stream to look at.
type Walk struct {
	Stream      string
	From        uint64 // first sequence; 0: the first stored
	To          uint64 // last sequence; 0: what is the last one when the walk begins
	HeadersOnly bool
}

// Do calls see for each stored message in order, with its sequence and the time
// it was stored, until see returns an error. It ends at To, so it does end
// although more is being stored. Nothing is acknowledged and no group is created.
func (w Walk) Do(ctx context.Context, js jetstream.JetStream, see func(msg jetstream.Msg, seq uint64, stored time.Time) error) error {
	s, err := js.Stream(ctx, w.Stream)
	if err != nil {
		return apiError(js, "look up stream "+w.Stream, err)
	}
	state := s.CachedInfo().State
	if w.To == 0 || w.To > state.LastSeq {
		w.To = state.LastSeq
	}
	for next := max(w.From, state.FirstSeq, 1); next <= w.To; {
		// A consumer that breaks off is replaced by one that starts where it ended.
		last, err := w.part(ctx, js, next, see)
		switch {
		case errors.Is(err, ErrStop):
			return nil
		case errors.Is(err, errNoMore):
			return ctx.Err()
		case err != nil:
			return fmt.Errorf("read stream %s from sequence %d: %w", w.Stream, next, err)
		}
		next = last + 1
	}
	return nil
}

var errNoMore = errors.New("no more messages")

// part reads from sequence next on through one consumer and returns the last
// sequence it has seen, errNoMore when there is nothing further.
func (w Walk) part(ctx context.Context, js jetstream.JetStream, next uint64, see func(jetstream.Msg, uint64, time.Time) error) (last uint64, err error) {
	last = next - 1
	consumer, err := js.CreateConsumer(ctx, w.Stream, jetstream.ConsumerConfig{
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       next,
		AckPolicy:         jetstream.AckNonePolicy,
		HeadersOnly:       w.HeadersOnly,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: time.Minute,
	})
	if err != nil {
		return last, err
	}
	info := consumer.CachedInfo()
	defer func() { _ = js.DeleteConsumer(ctx, w.Stream, info.Name) }() // else it goes by itself
	left := info.NumPending
	// One message must always fit, or the largest would never come.
	most := max(walkBytes, int(js.Conn().MaxPayload())+4096)
	for read := uint64(0); left > 0; {
		batch, err := consumer.Fetch(int(min(left, walkMessages)), jetstream.FetchMaxBytes(most), jetstream.FetchMaxWait(5*time.Second))
		if err != nil {
			return last, err
		}
		before := read
		for msg := range batch.Messages() {
			meta, err := msg.Metadata()
			if err != nil {
				return last, err
			}
			if read++; meta.Sequence.Consumer != read {
				return last, nil // one got lost on the way: begin anew behind the last seen
			}
			if meta.Sequence.Stream > w.To {
				return last, errNoMore
			}
			if err := see(msg, meta.Sequence.Stream, meta.Timestamp); err != nil {
				return last, err
			}
			last, left = meta.Sequence.Stream, meta.NumPending
		}
		if err := batch.Error(); err != nil && !errors.Is(err, nats.ErrTimeout) && !errors.Is(err, jetstream.ErrMaxBytesExceeded) {
			return last, err
		}
		if read == before { // removed while we read, or too slow an answer: ask how much there still is
			now, err := consumer.Info(ctx)
			if err != nil {
				return last, err
			}
			left = now.NumPending
		}
	}
	return last, errNoMore
}
