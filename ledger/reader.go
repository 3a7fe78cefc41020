package ledger

import (
	"context"
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
		err := c.read(ctx, js, name)
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

// read reads on for ever.
func (c *counts) read(ctx context.Context, js jetstream.JetStream, name string) error {
	from := c.position()
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
	for {
		msg, err := messages.Next()
		if err != nil {
			return what(err)
		}
		meta, err := msg.Metadata()
		if err != nil {
			return what(err)
		}
		c.add(meta.Sequence.Stream, recordsOf(msg.Headers()))
	}
}

// readTo reads on to the block last.
func (c *counts) readTo(ctx context.Context, js jetstream.JetStream, name string, last uint64) error {
	if c.position() > last {
		return nil
	}
	w := stream.Walk{Stream: name, From: c.position(), To: last, HeadersOnly: true}
	err := w.Do(ctx, js, func(msg jetstream.Msg, sequence uint64, _ time.Time) error {
		c.add(sequence, recordsOf(msg.Headers()))
		return nil
	})
	if err == nil {
		c.skip(last + 1)
	}
	return err
}

// recordsOf is how many records a block's publisher has counted, 1 without it.
func recordsOf(h nats.Header) uint32 {
	n, err := strconv.ParseUint(h.Get(stream.HeaderRecords), 10, 32)
	if err != nil {
		return 1
	}
	return uint32(max(n, 1))
}
