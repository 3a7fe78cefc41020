package receiver

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"lagermeister/stats"
)

const (
	frameBudget      = 64 << 20         // bytes of incomplete frames, all connections together
	readBudget       = 256 << 20        // bytes of read buffers, likewise: most of them wait for the publisher
	stalledAfter     = 60 * time.Second // without a byte inside a frame
	evictAfter       = time.Second      // inside one frame, when others need its memory
	handshakeTimeout = 10 * time.Second
	drainBacklog     = 50 * time.Millisecond  // at shutdown, for connections the system has taken already
	drainSilence     = 200 * time.Millisecond // at shutdown, a connection this silent is done
	drainReading     = 5 * time.Second        // and every one is after this
	askAgain         = 50 * time.Millisecond  // whether the publisher takes records, or a buffer is free
)

// TCP receives Heka frames over TCP.
type TCP struct {
	*intake
	log      logrus.FieldLogger
	listener net.Listener
	frames   budget        // what connections hold while they wait inside a frame
	reads    budget        // what they hold at all
	stalled  time.Duration // stalledAfter, but in tests
	grace    time.Duration // evictAfter, but in tests
	spoken   sparing

	// serving ends when Shutdown begins; appending when its time is over.
	serving, appending         context.Context
	stopServing, stopAppending context.CancelFunc
	drainEnd                   atomic.Pointer[time.Time] // reading ends then; nil while serving
	givenUp                    atomic.Int64              // records read and not appended when time was over

	mu    sync.Mutex
	conns map[*conn]struct{} // nil once closed
	wait  sync.WaitGroup     // one for each of conns
}

// NewTCP listens as cfg says; Serve accepts. rep may be nil.
func NewTCP(cfg TCPConfig, pub Publisher, log logrus.FieldLogger, reg prometheus.Registerer, rep *stats.Reporter) (*TCP, error) {
	log = log.WithField("component", "tcp receiver")
	m := newMetrics(reg, "tcp")
	in, err := newIntake(&cfg.IntakeConfig, pub, log, m)
	if err != nil {
		return nil, err
	}
	keepAlive := cfg.KeepAliveDuration
	if !cfg.KeepAlive {
		keepAlive = -1
	}
	l, err := listen(cfg.BindAddress, &cfg.IntakeConfig, keepAlive, m, log)
	if err != nil {
		return nil, err
	}
	t := &TCP{
		intake: in, log: log, listener: l,
		frames: budget{limit: frameBudget}, reads: budget{limit: readBudget},
		stalled: stalledAfter, grace: evictAfter, conns: map[*conn]struct{}{},
	}
	t.serving, t.stopServing = context.WithCancel(context.Background())
	t.appending, t.stopAppending = context.WithCancel(context.Background())
	m.report(rep, stats.TCPReceiver)
	return t, nil
}

// Addr is where the receiver listens.
func (t *TCP) Addr() net.Addr { return t.listener.Addr() }

// NotReady lists why clients should go elsewhere: because the receiver drains.
// Why the stream takes nothing is the publisher's to say.
func (t *TCP) NotReady() []string {
	if t.drainEnd.Load() == nil {
		return nil
	}
	return []string{"tcp receiver is draining"}
}

// Serve accepts connections until Shutdown and returns nil then.
func (t *TCP) Serve() error {
	for {
		c, err := t.listener.Accept()
		if err != nil && t.drainEnd.Load() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept on %v: %w", t.Addr(), err)
		}
		t.start(c)
	}
}

func (t *TCP) start(nc net.Conn) {
	c := &conn{Conn: nc, t: t, size: smallestBuffer}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.conns == nil {
		nc.Close()
		return
	}
	if t.drainEnd.Load() != nil {
		c.wake()
	}
	t.conns[c] = struct{}{}
	t.wait.Go(func() {
		c.serve()
		t.mu.Lock()
		delete(t.conns, c)
		t.mu.Unlock()
	})
}

// Shutdown stops accepting and goes on reading each connection until it has been
// silent for 200 ms, but for 5 s at most. Records that were read by then wait for
// room in the publisher's window until timeout has passed since the call; if some
// were given up, the error is an *IncompleteError. What clients send after our
// last read is lost to them.
func (t *TCP) Shutdown(timeout time.Duration) error {
	timer := time.AfterFunc(timeout, t.stopAppending)
	defer timer.Stop()
	end := time.Now().Add(min(drainReading, timeout))
	t.mu.Lock()
	t.drainEnd.Store(&end)
	for c := range t.conns {
		c.wake()
	}
	t.mu.Unlock()
	t.stopServing()

	// Clients whose connection waits to be accepted may have sent already.
	select {
	case <-time.After(drainBacklog):
	case <-t.appending.Done():
	}
	t.listener.Close()
	t.mu.Lock()
	t.conns = nil // none can start from now on
	t.mu.Unlock()

	t.wait.Wait()
	t.stopAppending()
	if n := t.givenUp.Load(); n > 0 {
		return &IncompleteError{Records: n}
	}
	return nil
}
