package publisher

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/sirupsen/logrus"

	"lagermeister/stream"
)

const (
	lookEvery    = 50 * time.Millisecond // how often blocks in flight are looked at
	firstSilence = 5 * time.Second       // an acknowledgement is waited for so long, doubling
	maxSilence   = 30 * time.Second
)

// delivery is what the sender knows of one block in flight.
type delivery struct {
	refused bool      // the last send failed; it waits for the next
	due     time.Time // when it is sent again
	first   time.Time // when it was first sent
	fails   int       // refused sends
	silent  int       // sends without an answer
}

// sender owns the blocks in flight: it sends them, reads their acknowledgements
// and sends again what was not acknowledged. Everything here belongs to the
// goroutine run, but for the channels.
type sender struct {
	*Publisher
	acks  chan *nats.Msg
	sub   *nats.Subscription
	reply string // inbox; an answer comes to <reply><number of the block>
	text  []byte // memory for address
	msg   nats.Msg

	flight     []*block // in order of their numbers, nil when acknowledged
	base       uint64   // number of flight[0]
	stored     []*block // acknowledged, still to be taken out of the window
	due        []*receipt
	breaker    breaker
	openSince  time.Time
	said       time.Time
	cause      error // of the oldest block's last failure
	connected  bool
	reconnects uint64
	timer      *time.Timer
	armed      bool

	ensure func(context.Context) error // creates a missing stream; nil when not permitted
	healed time.Time
	heal   sync.WaitGroup
	ctx    context.Context // of healing
	stop   context.CancelFunc

	closeOnce, abortOnce sync.Once
	closing              chan struct{} // closed: finish and end
	abort                chan struct{} // closed: end at once
	done                 chan struct{} // closed: ended
	left                 int64         // valid after done
}

func newSender(p *Publisher, ensure func(context.Context) error) (*sender, error) {
	s := &sender{
		Publisher:  p,
		acks:       make(chan *nats.Msg, 2*maxInFlight),
		reply:      p.nc.NewInbox() + ".",
		connected:  p.nc.IsConnected(),
		reconnects: p.nc.Stats().Reconnects,
		timer:      time.NewTimer(time.Hour),
		ensure:     ensure,
		closing:    make(chan struct{}),
		abort:      make(chan struct{}),
		done:       make(chan struct{}),
	}
	s.timer.Stop()
	s.ctx, s.stop = context.WithCancel(context.Background())
	var err error
	s.sub, err = p.nc.ChanSubscribe(s.reply+"*", s.acks)
	return s, err
}

// run is the publisher's goroutine.
func (s *sender) run() {
	defer close(s.done)
	defer s.heal.Wait()
	defer s.stop()
	defer s.sub.Unsubscribe()
	closing := s.closing
	for {
		select {
		case <-s.wake:
		case m := <-s.acks:
			s.acknowledged(m, time.Now())
		case <-s.timer.C:
			s.armed = false
			s.look(time.Now())
		case <-closing:
			closing = nil
		case <-s.abort:
			s.giveUp()
			return
		}
		if n := len(s.acks); n > 0 {
			now := time.Now()
			for range n {
				s.acknowledged(<-s.acks, now)
			}
		}
		s.settle()
		s.sendReady()
		if closing == nil && s.empty() {
			return
		}
		if len(s.flight) > 0 && !s.armed {
			s.timer.Reset(lookEvery)
			s.armed = true
		}
	}
}

// sendReady sends what callers have cut, and the open block when it may go.
func (s *sender) sendReady() {
	w := &s.window
	w.mu.Lock()
	if w.mayCut() {
		w.cut(true)
	}
	from := len(s.flight)
	if from == 0 && len(w.ready) > 0 {
		s.base = w.ready[0].n
	}
	s.flight = append(s.flight, w.ready...)
	clear(w.ready)
	w.ready = w.ready[:0]
	w.mu.Unlock()

	now := time.Now()
	for _, b := range s.flight[from:] {
		b.first = now
		s.address(b)
		if s.breaker.open {
			b.refused = true // goes when the breaker closes
		} else {
			s.send(b, now)
		}
	}
}

// address writes where the answer to a block is to come and, unless it has those
// of another publisher, its headers: for good, and all into one string.
func (s *sender) address(b *block) {
	s.text = strconv.AppendUint(append(s.text[:0], s.reply...), b.n, 10)
	if b.header == nil || b.forwarded {
		b.reply = string(s.text)
		return
	}
	reply := len(s.text)
	s.text = strconv.AppendUint(append(append(s.text, s.runID...), '-'), b.n, 10)
	id := len(s.text)
	s.text = strconv.AppendInt(s.text, int64(b.records), 10)
	records := len(s.text)
	text := string(strconv.AppendInt(s.text, b.cut, 10))
	b.reply = text[:reply]
	b.header[stream.HeaderMsgID][0] = text[reply:id]
	b.header[stream.HeaderRecords][0] = text[id:records]
	b.header[stream.HeaderCut][0] = text[records:]
}

// send sends a block, whether for the first time or again.
func (s *sender) send(b *block, now time.Time) {
	if b.fails+b.silent > 0 {
		s.metrics.resent()
	}
	b.refused = false
	b.due = now.Add(min(s.silence<<min(b.silent, 8), maxSilence))
	var err error
	if b.header == nil {
		err = s.nc.PublishRequest(s.subject, b.reply, b.data)
	} else {
		s.msg = nats.Msg{Subject: s.subject, Reply: b.reply, Header: b.header, Data: b.data}
		err = s.nc.PublishMsg(&s.msg) // keeps nothing of it
		s.msg = nats.Msg{}
	}
	if err != nil {
		s.failed(b, err, now)
	}
}

// acknowledged takes one answer. One for a block that is stored already, late or
// repeated, is of no interest.
func (s *sender) acknowledged(m *nats.Msg, now time.Time) {
	n, err := strconv.ParseUint(m.Subject[len(s.reply):], 10, 64)
	if err != nil || n < s.base || n >= s.base+uint64(len(s.flight)) {
		return
	}
	b := s.flight[n-s.base]
	if b == nil {
		return
	}
	duplicate, err := parseAck(m)
	if err != nil {
		s.failed(b, err, now)
		return
	}
	s.flight[n-s.base] = nil
	s.stored = append(s.stored, b)
	s.metrics.acknowledged(now.Sub(b.first), duplicate)
	if s.breaker.succeeded() {
		s.reopen(now)
	}
}

// settle takes stored blocks out of the window and tells who waits for them.
func (s *sender) settle() {
	if len(s.stored) == 0 {
		return
	}
	s.metrics.storedBlocks(s.stored)
	w := &s.window
	w.mu.Lock()
	for _, b := range s.stored {
		s.due = w.stored(b, s.due)
	}
	w.mu.Unlock()
	clear(s.stored)
	s.stored = s.stored[:0]
	signal(s.space)
	for _, r := range s.due {
		r.fulfil()
	}
	clear(s.due)
	s.due = s.due[:0]

	gone := slices.IndexFunc(s.flight, func(b *block) bool { return b != nil })
	if gone < 0 {
		gone = len(s.flight)
	}
	s.flight = slices.Delete(s.flight, 0, gone)
	s.base += uint64(gone)
}

func (s *sender) oldest() *block {
	for _, b := range s.flight {
		if b != nil {
			return b
		}
	}
	return nil
}

func (s *sender) empty() bool {
	w := &s.window
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.blocks == 0 && len(w.open.data) == 0
}

// close ends the sender and returns how many records are left.
func (s *sender) close(ctx context.Context) int64 {
	s.closeOnce.Do(func() {
		s.window.mu.Lock()
		s.window.closed = true
		s.window.mu.Unlock()
		close(s.closing)
	})
	select {
	case <-s.done:
	case <-ctx.Done():
		s.abortOnce.Do(func() { close(s.abort) })
		<-s.done
	}
	return s.left
}

// giveUp tells everyone who waits that the outcome is unknown.
func (s *sender) giveUp() {
	w := &s.window
	w.mu.Lock()
	for _, b := range slices.Concat(s.flight, w.ready, []*block{w.open}) {
		if b != nil {
			s.due = w.abandon(b, s.due)
		}
	}
	s.left = w.records
	blocks := w.blocks
	w.mu.Unlock()
	err := fmt.Errorf("%w before the stream acknowledged this", ErrClosed)
	if s.cause != nil && s.breaker.open {
		err = fmt.Errorf("%w: %w", err, s.cause)
	}
	for _, r := range s.due {
		r.stored(err)
	}
	if s.left > 0 {
		s.log.WithError(err).WithFields(logrus.Fields{"records": s.left, "blocks": blocks}).Error("closed with records that the stream has not acknowledged")
	}
}
