package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// con fills a stream with blocks and then measures how fast a group takes and
// acknowledges them, walking through the records and looking at none.
func con(ctx context.Context, args []string) (*result, error) {
	var l load
	var b brokerFlags
	f := flags("con")
	b.register(f)
	f.IntVar(&l.size, "size", 300, "size of a record, bytes, 200 to 65536")
	f.Int64Var(&l.records, "n", 0, "`records` in the stream; 0: as many as make 900 MB")
	connections := f.Int("connections", 1, "connections that take blocks")
	size := f.Int("batch", 128<<10, "size of a block, bytes")
	if err := parse(f, args); err != nil {
		return nil, err
	}
	records, err := pool(l.size)
	if err != nil {
		return nil, err
	}
	if l.records == 0 {
		l.records = 900e6 / int64(l.size)
	}
	s, err := b.open(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close()
	w, err := newWindow(s.conns[0], 16)
	if err != nil {
		return nil, err
	}
	filled, err := publish(s.ctx, w, records, *size, func(n int64) bool { return n >= l.records })
	if err != nil {
		return nil, fmt.Errorf("fill the stream: %w", err)
	}
	group, err := s.stream.CreateConsumer(s.ctx, jetstream.ConsumerConfig{
		Durable: "group", AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: 256, AckWait: time.Minute,
	})
	if err != nil {
		return nil, fmt.Errorf("make the group: %w", err)
	}
	name := group.CachedInfo().Name

	var taken atomic.Int64
	done := make(chan struct{})
	take := func(m jetstream.Msg) {
		n, err := walk(m.Data())
		if err == nil {
			err = m.Ack()
		}
		if err != nil {
			s.cancel(fmt.Errorf("block: %w", err))
			return
		}
		if taken.Add(n) == filled {
			close(done)
		}
	}
	consumers := make([]jetstream.Consumer, *connections)
	for i := range consumers {
		nc, err := s.connect()
		if err != nil {
			return nil, err
		}
		js, err := jetstream.New(nc)
		if err != nil {
			return nil, err
		}
		if consumers[i], err = js.Consumer(s.ctx, streamName, name); err != nil {
			return nil, err
		}
	}
	m, err := l.start(s.pid)
	if err != nil {
		return nil, err
	}
	for _, c := range consumers {
		cc, err := c.Consume(take, jetstream.PullMaxMessages(32))
		if err != nil {
			return nil, err
		}
		defer cc.Stop()
	}
	select {
	case <-done:
	case <-s.ctx.Done():
		return nil, fmt.Errorf("%d of %d records taken: %w", taken.Load(), filled, context.Cause(s.ctx))
	}
	for _, nc := range s.conns {
		if err := nc.FlushTimeout(startTime); err != nil {
			return nil, fmt.Errorf("acknowledge: %w", err)
		}
	}
	r, err := m.stop(filled)
	if err != nil {
		return nil, err
	}
	r.Connections, r.Fsync = *connections, b.fsync
	return r, nil
}

var errBlock = errors.New("a length leads beyond the block")

// walk counts the records of a block that publish has packed.
func walk(block []byte) (n int64, err error) {
	for ; len(block) > 0; n++ {
		if len(block) < 4 {
			return n, errBlock
		}
		size := uint64(binary.LittleEndian.Uint32(block))
		if size > uint64(len(block)-4) {
			return n, errBlock
		}
		block = block[4+size:]
	}
	return n, nil
}
