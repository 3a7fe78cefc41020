// Package publisher stores Heka frames in JetStream, many in one message.
//
// All callers of a process fill one open block. It is sent when it is full, or
// when no other partly filled block is in flight; there is no timer. So a record
// at rest leaves at once, and all that arrives while the broker writes to its
// disk shares the next block.
//
// Promises:
//
//   - stored(nil) is called after the stream has acknowledged all of a call's
//     records, and never for a record it has not.
//   - A block once cut is never changed and never given up before Close: it is
//     sent again with the same bytes under the same id until it is acknowledged,
//     over lost connections, a full or missing stream and a restarted server.
//   - What is held in memory is bounded: the window of blocks in flight, and one
//     open block. Who appends more waits.
//
// The form of a block and its headers is that of docs/wire-format.md.
package publisher

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"lagermeister/heka"
	"lagermeister/stream"
)

// Values of Config.PublishFormat.
const (
	FormatBlocks  = "blocks"
	FormatMessage = "message"
)

// ErrClosed is returned after Close, and given to stored when a record was still
// not acknowledged at exit.
var ErrClosed = errors.New("publisher closed")

// ErrTooLarge is wrapped when a frame or a block cannot be stored whatever happens.
var ErrTooLarge = errors.New("larger than the stream takes")

// Config steers a Publisher.
type Config struct {
	PublishFormat string        `envconfig:"PUBLISH_FORMAT" default:"blocks" desc:"blocks: many signed frames in a NATS message; message: one bare protobuf in each, for other NATS subscribers"`
	DrainTimeout  time.Duration `envconfig:"DRAIN_TIMEOUT" default:"25s" desc:"time to store what was accepted, at shutdown"`
}

// Validate refuses formats that do not exist.
func (c *Config) Validate() error {
	if c.PublishFormat != FormatBlocks && c.PublishFormat != FormatMessage {
		return fmt.Errorf("PUBLISH_FORMAT=%s: expected %s or %s", c.PublishFormat, FormatBlocks, FormatMessage)
	}
	if c.DrainTimeout < 0 {
		return fmt.Errorf("DRAIN_TIMEOUT=%v: expected 0 or more", c.DrainTimeout)
	}
	return nil
}

// Publisher stores records on one subject. Its methods may be called by any
// number of goroutines.
type Publisher struct {
	nc      *nats.Conn
	subject string
	runID   string
	bare    bool // FormatMessage
	log     logrus.FieldLogger
	metrics *metrics

	silence   time.Duration // how long the first acknowledgement is waited for
	streamMax int64         // the stream's max_msg_size, 0 or less when it has none

	window window        // shared by callers and the sender, under its mutex
	turn   chan struct{} // held by the one caller that waits for room; the others queue behind it, in order
	space  chan struct{} // tells it that there may be room
	wake   chan struct{} // tells the sender that there is something to send

	maxMessage  atomic.Int64
	unavailable atomic.Pointer[error]

	sender *sender
}

// Open makes sure that a stream holds sc.Subject, warns when it is not durable
// (or refuses it, see stream.CheckDurability) and starts to publish over nc. What
// this NATS user may not ask is skipped with one info line. Close ends the
// publisher; nc stays with the caller and must outlive it. reg takes one
// publisher; a second one in a process needs labels (WrapRegistererWith).
func Open(ctx context.Context, nc *nats.Conn, cfg Config, sc stream.Config, log logrus.FieldLogger, reg prometheus.Registerer) (*Publisher, error) {
	p := newPublisher(nc, cfg, sc.Subject, log)
	ensure, err := p.prepare(ctx, sc)
	if err != nil {
		return nil, err
	}
	if err := p.start(reg, ensure); err != nil {
		return nil, err
	}
	return p, nil
}

// OpenExisting starts to publish over nc on a subject whose stream is somebody
// else's: it is neither created nor looked at, so this NATS user needs no right
// but to publish. A block that no stream takes is kept and sent again. What Open
// says of nc and Close holds here too.
func OpenExisting(nc *nats.Conn, cfg Config, subject string, log logrus.FieldLogger, reg prometheus.Registerer) (*Publisher, error) {
	p := newPublisher(nc, cfg, subject, log)
	if err := p.start(reg, nil); err != nil {
		return nil, err
	}
	return p, nil
}

func newPublisher(nc *nats.Conn, cfg Config, subject string, log logrus.FieldLogger) *Publisher {
	p := &Publisher{
		nc:      nc,
		subject: subject,
		runID:   rand.Text(),
		bare:    cfg.PublishFormat == FormatMessage,
		log:     log.WithFields(logrus.Fields{"component": "publisher", "subject": subject}),
		silence: firstSilence,
		turn:    make(chan struct{}, 1),
		space:   make(chan struct{}, 1),
		wake:    make(chan struct{}, 1),
	}
	p.window.bare = p.bare
	p.window.open = p.window.newBlock()
	p.setLimit()
	return p
}

// start makes p ready for callers. ensure creates a missing stream; nil leaves it missing.
func (p *Publisher) start(reg prometheus.Registerer, ensure func(context.Context) error) (err error) {
	p.metrics = newMetrics(reg, p)
	if p.sender, err = newSender(p, ensure); err != nil {
		return fmt.Errorf("subscribe to the acknowledgements of %s: %w", p.subject, err)
	}
	go p.sender.run()
	return nil
}

// prepare looks at the stream, and returns a function that creates it again
// should it be deleted; nil when this user may not.
func (p *Publisher) prepare(ctx context.Context, sc stream.Config) (ensure func(context.Context) error, err error) {
	js, err := jetstream.New(p.nc)
	if err != nil {
		return nil, fmt.Errorf("JetStream over %s: %w", p.nc.ConnectedUrlRedacted(), err)
	}
	name, err := stream.Ensure(ctx, js, sc, p.log)
	if err == nil {
		err = stream.CheckDurability(ctx, js, name, sc, p.log)
	}
	if errors.Is(err, stream.ErrForbidden) {
		p.log.WithError(err).Info("the stream cannot be checked with these NATS permissions, it must exist already")
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if s, err := js.Stream(ctx, name); err == nil {
		p.streamMax = int64(s.CachedInfo().Config.MaxMsgSize)
		p.setLimit()
	}
	return func(ctx context.Context) error {
		_, err := stream.Ensure(ctx, js, sc, p.log)
		return err
	}, nil
}

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
		return fmt.Errorf("forward block %s of %d bytes, at most %d (max_payload of %s): %w", origin, len(body), most, p.nc.ConnectedUrlRedacted(), ErrTooLarge)
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

// Unavailable is nil, or why nothing can be stored at the moment, so that an
// intake may refuse at once.
func (p *Publisher) Unavailable() error {
	if err := p.unavailable.Load(); err != nil {
		return *err
	}
	return nil
}

// NotReady lists why this publisher cannot store: no broker, a full stream.
func (p *Publisher) NotReady() []string {
	var reasons []string
	if !p.nc.IsConnected() {
		reasons = append(reasons, "not connected to NATS")
	}
	if err := p.Unavailable(); err != nil {
		reasons = append(reasons, err.Error())
	}
	return reasons
}

// MaxMessage is the largest body in bytes whose frame fits a block, whatever its header.
func (p *Publisher) MaxMessage() int { return int(p.maxMessage.Load()) }

// setLimit sizes blocks by what the server we are connected to and the stream take.
func (p *Publisher) setLimit() {
	limit := min(maxBlock, p.nc.MaxPayload())
	if p.streamMax > 0 {
		limit = min(limit, p.streamMax)
	}
	limit = max(limit-reserve, 1)
	p.window.mu.Lock()
	p.window.limit = int(limit)
	p.window.mu.Unlock()
	p.maxMessage.Store(max(limit-heka.FramingSize-heka.MaxHeader, 0))
}

// Close takes no more records, stores what was accepted and returns how many are
// not known to be stored when ctx ends. It returns once the publisher's goroutine
// has ended; should the broker's socket be stuck, up to the connection's write
// timeout later than ctx.
func (p *Publisher) Close(ctx context.Context) (left int64) {
	return p.sender.close(ctx)
}

// signal wakes the reader of c; one that is awake already misses nothing.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
