package ledger

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"

	"lagermeister/stream"
)

// readAhead is how many headers may wait here.
const readAhead = 2000

// follow reads the headers of all blocks that name stores until ctx ends, and
// begins again wherever it was when the broker fails.
func (c *counts) follow(ctx context.Context, js jetstream.JetStream, name string, log logrus.FieldLogger) {
	for wait := time.Second; ; wait = min(2*wait, 30*time.Second) {
		from := c.position()
		err := c.read(ctx, js, name, 0)
		if ctx.Err() != nil {
			return
		}
		if c.position() > from {
			wait = time.Second
		}
		log.WithError(err).WithField("stream", name).Warn("headers of the stream not read on, trying again: blocks not read count as one record each while they are pending")
		if !sleep(ctx, wait) {
			return
		}
	}
}

// read reads on up to the block last, or for ever when that is 0.
func (c *counts) read(ctx context.Context, js jetstream.JetStream, name string, last uint64) error {
	from := c.position()
	if last > 0 && from > last {
		return nil
	}
	what := func(err error) error {
		return fmt.Errorf("read the headers of stream %s from %d on: %w", name, from, err)
	}
	consumer, err := js.OrderedConsumer(ctx, name, jetstream.OrderedConsumerConfig{
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       from,
		HeadersOnly:       true,
		InactiveThreshold: 30 * time.Second,
	})
	if err != nil {
		return what(err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(readAhead))
	if err != nil {
		return what(err)
	}
	defer messages.Stop()
	defer context.AfterFunc(ctx, messages.Stop)()
	for last == 0 || c.position() <= last {
		msg, err := messages.Next()
		if err != nil {
			if errors.Is(err, jetstream.ErrMsgIteratorClosed) && ctx.Err() != nil {
				err = ctx.Err()
			}
			return what(err)
		}
		meta, err := msg.Metadata()
		if err != nil {
			return what(err)
		}
		c.add(meta.Sequence.Stream, recordsOf(msg.Headers()))
		if last > 0 && meta.NumPending == 0 {
			break // last is gone, or was stored after what we read
		}
	}
	return nil
}

// recordsOf is how many records a block's publisher has counted, 1 without it.
func recordsOf(h nats.Header) uint32 {
	n, err := strconv.ParseUint(h.Get(stream.HeaderRecords), 10, 32)
	if err != nil {
		return 1
	}
	return uint32(max(n, 1))
}
