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
		return nil, fmt.Errorf("JetStream over %s: %w", stream.Server(p.nc), err)
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
