package publisher

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"

	"lagermeister/stream"
)

// This file is the callers' side: what they bring is copied into the window, and
// who finds it full waits in turn.

// Append copies frames into the open block; records is their number. Frames must
// be whole Heka frames back to back and may fall into several blocks. It waits
// while the window is full or nothing can be stored, at most until ctx ends.
//
// An error means: some may be stored, stored is never called. nil means: stored,
// if not nil, is called once, from the publisher's goroutine, with nil when all
// are durable, and with an error wrapping ErrClosed when that is unknown at
// exit. It must not block.
func (p *Publisher) Append(ctx context.Context, frames []byte, records int, stored func(error)) error {
	if len(frames) == 0 || records <= 0 {
		return fmt.Errorf("append %d records in %d bytes: nothing to store", records, len(frames))
	}
	r := newReceipt(stored)
	w := &p.window
	if !p.bare {
		w.mu.Lock()
		if w.waiting == 0 && !w.held && !w.closed && len(frames) <= w.limit-len(w.open.data) {
			w.put(frames, records, r)
			r.complete()
			kick := w.mayCut()
			w.mu.Unlock()
			if kick {
				signal(p.wake)
			}
			return nil
		}
		w.mu.Unlock()
	}
	return p.inTurn(ctx, func() error {
		if p.bare {
			return p.appendBare(ctx, frames, r)
		}
		return p.appendBlocks(ctx, frames, records, r)
	})
}

// appendBlocks fills the open block and cuts it when the next frame does not fit.
// It holds the window's mutex, which wait gives up.
func (p *Publisher) appendBlocks(ctx context.Context, frames []byte, records int, r *receipt) error {
	w := &p.window
	for len(frames) > 0 {
		size, n, err := w.fit(frames, records)
		switch {
		case err != nil:
			return err
		case w.held || size == 0 && !w.room(len(w.open.data)):
			if err := p.wait(ctx); err != nil {
				return err
			}
		case size == 0:
			w.cut(false)
			signal(p.wake)
		default:
			w.put(frames[:size], n, r)
			frames, records = frames[size:], records-n
		}
	}
	r.complete()
	if w.mayCut() {
		signal(p.wake)
	}
	return nil
}

// appendBare queues the body of each frame as a message of its own.
func (p *Publisher) appendBare(ctx context.Context, frames []byte, r *receipt) error {
	w := &p.window
	for at := 0; at < len(frames); {
		f, err := w.frame(frames, at)
		if err != nil {
			return err
		}
		if w.held || !w.room(len(f.Body)) {
			if err := p.wait(ctx); err != nil {
				return err
			}
			continue
		}
		b := w.newBlock()
		b.data, b.records = append(b.data, f.Body...), 1
		w.queue(b, r)
		signal(p.wake)
		at += len(f.Raw)
	}
	r.complete()
	return nil
}

// Forward sends one finished block of another stream as it is, under origin as
// its Nats-Msg-Id, with the Lm-Records and Lm-Cut of header. It counts in the same
// window, waits and reports as Append does. header and body are not copied: they
// belong to the publisher until stored is called.
func (p *Publisher) Forward(ctx context.Context, origin string, header nats.Header, body []byte, stored func(error)) error {
	records := 1
	if s := header.Get(stream.HeaderRecords); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return fmt.Errorf("forward block %s: header %s is %q, expected a number from 1", origin, stream.HeaderRecords, s)
		}
		records = n
	}
	if most := p.nc.MaxPayload() - reserve; int64(len(body)) > most {
		return fmt.Errorf("forward block %s of %d bytes, at most %d (max_payload of %s): %w", origin, len(body), most, stream.Server(p.nc), ErrTooLarge)
	}
	r := newReceipt(stored)
	return p.inTurn(ctx, func() error {
		w := &p.window
		for w.held || !w.room(len(body)) {
			if err := p.wait(ctx); err != nil {
				return err
			}
		}
		b := &block{data: body, records: records, forwarded: true, header: nats.Header{stream.HeaderMsgID: {origin}}}
		for _, key := range []string{stream.HeaderRecords, stream.HeaderCut} {
			if v := header.Get(key); v != "" {
				b.header[key] = []string{v}
			}
		}
		w.queue(b, r)
		r.complete()
		signal(p.wake)
		return nil
	})
}

// inTurn calls add under the window's mutex, after all who wait already.
func (p *Publisher) inTurn(ctx context.Context, add func() error) error {
	w := &p.window
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting++
	defer func() { w.waiting-- }()
	w.mu.Unlock()
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		w.mu.Lock()
		return p.waited(ctx)
	case <-p.sender.closing:
		w.mu.Lock()
		return ErrClosed
	}
	w.mu.Lock()
	defer func() { <-p.turn }()
	if w.closed {
		return ErrClosed
	}
	return add()
}

// wait gives up the window's mutex until there may be room.
func (p *Publisher) wait(ctx context.Context) error {
	w := &p.window
	w.mu.Unlock()
	var err error
	select {
	case <-p.space:
	case <-ctx.Done():
		err = p.waited(ctx)
	case <-p.sender.closing:
	}
	w.mu.Lock()
	if w.closed {
		return ErrClosed
	}
	return err
}

func (p *Publisher) waited(ctx context.Context) error {
	why := p.Unavailable()
	if why == nil {
		why = errors.New("the window is full")
	}
	return fmt.Errorf("waiting to store on %s (%w): %w", p.subject, why, context.Cause(ctx))
}

// signal wakes the reader of c; one that is awake already misses nothing.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
