package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"golang.org/x/sync/errgroup"
)

// pub publishes records as fast as the broker acknowledges them.
func pub(ctx context.Context, args []string) (*result, error) {
	var l load
	var b brokerFlags
	f := flags("pub")
	l.register(f)
	b.register(f)
	mode := f.String("mode", "packed", "packed: many records in a message; lean: each in its own")
	connections := f.Int("connections", 1, "connections that publish")
	ahead := f.Int("window", 0, "messages a connection may have on their way; 0: 32 packed, 2048 lean")
	size := f.Int("batch", 64<<10, "size of a packed message, bytes")
	if err := parse(f, args); err != nil {
		return nil, err
	}
	switch {
	case *mode != "packed" && *mode != "lean":
		return nil, fmt.Errorf("-mode %q: %w", *mode, errUsage)
	case *mode == "lean":
		*size = 0
	}
	if *ahead == 0 {
		*ahead = map[string]int{"packed": 32, "lean": 2048}[*mode]
	}
	records, err := pool(l.size)
	if err != nil {
		return nil, err
	}
	s, err := b.open(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close()

	windows := make([]*window, *connections)
	for i := range windows {
		nc, err := s.connect()
		if err != nil {
			return nil, err
		}
		if windows[i], err = newWindow(nc, *ahead); err != nil {
			return nil, err
		}
	}
	each := l
	each.records = (l.records + int64(*connections) - 1) / int64(*connections)
	m, err := each.start(s.pid)
	if err != nil {
		return nil, err
	}
	var sent atomic.Int64
	g, gctx := errgroup.WithContext(s.ctx)
	for _, w := range windows {
		g.Go(func() error {
			n, err := publish(gctx, w, records, *size, m.over)
			sent.Add(n)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	r, err := m.stop(sent.Load())
	if err != nil {
		return nil, err
	}
	r.Mode, r.Connections, r.Fsync = *mode, *connections, b.fsync
	return r, s.holds(windows)
}

// holds checks that the stream has every message that was acknowledged.
func (s *broker) holds(windows []*window) error {
	var sent uint64
	for _, w := range windows {
		sent += w.next
	}
	info, err := s.stream.Info(s.ctx)
	if err == nil && info.State.Msgs != sent {
		err = fmt.Errorf("stream holds %d messages, %d were acknowledged", info.State.Msgs, sent)
	}
	return err
}

// publish sends records until over, with size > 0 as many in a message as make
// that many bytes, each behind its length; it returns when all are acknowledged,
// and how many there were.
func publish(ctx context.Context, w *window, records [][]byte, size int, over func(int64) bool) (n int64, err error) {
	var packed []byte
	for ; n&63 != 0 || !over(n); n++ {
		data := records[n&int64(len(records)-1)]
		if size > 0 {
			packed = binary.LittleEndian.AppendUint32(packed, uint32(len(data)))
			packed = append(packed, data...)
			if len(packed) < size {
				continue
			}
			data, packed = packed, packed[:0]
		}
		if err := w.send(ctx, data); err != nil {
			return n, err
		}
	}
	if len(packed) > 0 {
		if err := w.send(ctx, packed); err != nil {
			return n, err
		}
	}
	return n, w.wait(ctx, w.next)
}

// window lets one goroutine publish a fixed number of messages ahead of their
// acknowledgements. These carry the message's number in their subject, and are
// not decoded: no map, no JSON, no object for each.
type window struct {
	nc    *nats.Conn
	inbox string
	reply []byte // scratch
	next  uint64 // number of the next message

	acked   []bool        // by number modulo its length, from low on; only ack looks at it
	low     atomic.Uint64 // all before it are acknowledged
	waiting atomic.Bool
	wake    chan struct{}
	refused chan error
}

// newWindow makes a window; it ends with the connection.
func newWindow(nc *nats.Conn, size int) (*window, error) {
	w := &window{nc: nc, inbox: nats.NewInbox() + ".", acked: make([]bool, size), wake: make(chan struct{}, 1), refused: make(chan error, 1)}
	sub, err := nc.Subscribe(w.inbox+"*", w.ack)
	if err != nil {
		return nil, err
	}
	return w, sub.SetPendingLimits(-1, -1)
}

// send publishes data, which may be changed afterwards, as soon as there is room.
func (w *window) send(ctx context.Context, data []byte) error {
	if room := uint64(len(w.acked)); w.next-w.low.Load() >= room {
		if err := w.wait(ctx, w.next+1-room); err != nil {
			return err
		}
	}
	w.reply = strconv.AppendUint(append(w.reply[:0], w.inbox...), w.next, 10)
	w.next++
	return w.nc.PublishRequest(subject, string(w.reply), data)
}

// wait returns when all messages before low are acknowledged.
func (w *window) wait(ctx context.Context, low uint64) error {
	defer w.waiting.Store(false)
	for {
		w.waiting.Store(true)
		if w.low.Load() >= low {
			return nil
		}
		select {
		case <-w.wake:
		case err := <-w.refused:
			return err
		case <-ctx.Done():
			return fmt.Errorf("%d of %d messages acknowledged: %w", w.low.Load(), w.next, context.Cause(ctx))
		}
	}
}

var stored = []byte(`{"stream":`)

// ack takes one answer; nats.go calls it for one after the other.
func (w *window) ack(m *nats.Msg) {
	number, err := strconv.ParseUint(m.Subject[len(w.inbox):], 10, 64)
	if err != nil || !bytes.HasPrefix(m.Data, stored) {
		select {
		case w.refused <- fmt.Errorf("message %s not stored: %q %v", m.Subject[len(w.inbox):], m.Data, m.Header):
		default:
		}
		return
	}
	size := uint64(len(w.acked))
	w.acked[number%size] = true
	low := w.low.Load()
	for w.acked[low%size] {
		w.acked[low%size] = false
		low++
	}
	w.low.Store(low)
	if w.waiting.Load() {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}
