package ledger

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"

	"lagermeister/stream"
)

// gather is the least time between two settlement messages, unless the second
// one is full: what is settled meanwhile shares it.
const gather = 50 * time.Millisecond

// retryMin and retryMax bound the wait before a settlement is sent again.
const (
	retryMin = 100 * time.Millisecond
	retryMax = 5 * time.Second
)

// codeFull is JetStream's err_code for a store that a limit keeps closed; the
// text tells which limit it was.
const codeFull = 10077

// Sender publishes the settlements of one group and stream, one message at a
// time: at once when none is in flight and the last is 50 ms old, else what
// gathers goes into the next. Each is repeated until the stream has stored it.
type Sender struct {
	js      jetstream.JetStream
	subject string
	epoch   string
	log     logrus.FieldLogger
	settled func([]Block)
	full    atomic.Bool
	onFull  chan struct{}

	mu      sync.Mutex
	waiting []Block
	busy    bool          // a message is in flight
	wake    chan struct{} // holds a token when blocks wait
	idle    chan struct{} // holds a token when the last message is stored
}

// NewSender returns a sender for the group's blocks of stream main. settled is called
// from Run's goroutine with the blocks of each stored message; the slice is
// valid until it returns.
func NewSender(js jetstream.JetStream, main, group string, epoch int64, log logrus.FieldLogger, settled func([]Block)) *Sender {
	return &Sender{
		js:      js,
		subject: stream.LedgerSubject(main, group),
		epoch:   strconv.FormatInt(epoch, 10),
		log:     log.WithField("ledger", stream.Ledger),
		settled: settled,
		onFull:  make(chan struct{}, 1),
		wake:    make(chan struct{}, 1),
		idle:    make(chan struct{}, 1),
	}
}

// Settle queues one block's settlement. It never blocks: what can be queued is
// bounded by what the member holds.
func (s *Sender) Settle(b Block) {
	s.mu.Lock()
	s.waiting = append(s.waiting, b)
	s.mu.Unlock()
	signal(s.wake)
}

// Full reports that LM_LEDGER takes no more, so that nothing can be settled.
func (s *Sender) Full() bool { return s.full.Load() }

// OnFull holds a token each time a settlement was refused for lack of room.
func (s *Sender) OnFull() <-chan struct{} { return s.onFull }

// Run sends until ctx ends. What is not stored by then is never reported as
// settled.
func (s *Sender) Run(ctx context.Context) {
	var blocks []Block
	var body []byte
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		}
		for {
			if !s.pause(ctx, time.Until(last.Add(gather))) {
				return
			}
			if blocks = s.take(blocks[:0]); len(blocks) == 0 {
				break
			}
			body = (&Message{Blocks: blocks}).Append(body[:0])
			if !s.store(ctx, body, len(blocks)) {
				return
			}
			last = time.Now()
			s.settled(blocks)
		}
	}
}

// Flush waits until every queued settlement is stored, or ctx ends.
func (s *Sender) Flush(ctx context.Context) error {
	for {
		s.mu.Lock()
		done := len(s.waiting) == 0 && !s.busy
		s.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-s.idle:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// pause waits for d, or until a whole message has gathered.
func (s *Sender) pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for d > 0 {
		s.mu.Lock()
		enough := len(s.waiting) >= MaxBlocks
		s.mu.Unlock()
		if enough {
			break
		}
		select {
		case <-s.wake:
		case <-timer.C:
			return true
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// take moves the blocks of the next message to dst.
func (s *Sender) take(dst []Block) []Block {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(len(s.waiting), MaxBlocks)
	dst = append(dst, s.waiting[:n]...)
	s.waiting = append(s.waiting[:0], s.waiting[n:]...)
	s.busy = n > 0
	if n == 0 {
		signal(s.idle)
	}
	return dst
}

// store publishes one message until the stream has it, or ctx ends.
func (s *Sender) store(ctx context.Context, body []byte, blocks int) bool {
	wait := retryMin
	for attempt := 1; ; attempt++ {
		msg := &nats.Msg{Subject: s.subject, Data: body, Header: nats.Header{stream.HeaderEpoch: {s.epoch}}}
		_, err := s.js.PublishMsg(ctx, msg)
		if err == nil {
			if s.full.Swap(false) {
				s.log.Info("the ledger takes settlements again")
			}
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		s.report(err, blocks, attempt)
		if !sleep(ctx, time.Duration(rand.Int64N(int64(wait)))) {
			return false
		}
		wait = min(2*wait, retryMax)
	}
}

func (s *Sender) report(err error, blocks, attempt int) {
	log := s.log.WithError(err).WithFields(logrus.Fields{"blocks": blocks, "attempt": attempt})
	if !IsFull(err) {
		log.Warn("settlement not stored, sending it again")
		return
	}
	signal(s.onFull)
	if !s.full.Swap(true) {
		log.Error("the ledger stream is full: nothing is settled until settlements are folded, which each subscriber does for its own group: see whether one of every group runs, or enlarge " + stream.Ledger)
	}
}

// IsFull reports whether a stream refused a message because its bytes are used up.
func IsFull(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && api.ErrorCode == codeFull && strings.Contains(api.Description, "maximum bytes exceeded")
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
