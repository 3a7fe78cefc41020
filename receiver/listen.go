package receiver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
)

// listener accepts up to limit connections; further ones are closed at once.
type listener struct {
	net.Listener
	*metrics
	limit int64
	log   logrus.FieldLogger
	full  atomic.Bool // said so in the log
	done  chan struct{}
	close sync.Once
}

// listen opens a listener for either receiver. keepAlive is the time between TCP
// keep-alives, negative for none.
func listen(address string, cfg *IntakeConfig, keepAlive time.Duration, m *metrics, log logrus.FieldLogger) (net.Listener, error) {
	config, err := cfg.tlsConfig()
	if err != nil {
		return nil, err
	}
	inner, err := (&net.ListenConfig{KeepAlive: keepAlive}).Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("open the receiver: %w; BIND_ADDRESS chooses another port", err)
	}
	l := &listener{Listener: inner, metrics: m, limit: int64(cfg.MaxConnections), log: log, done: make(chan struct{})}
	if config != nil {
		return tls.NewListener(l, config), nil
	}
	return l, nil
}

// Accept returns net.ErrClosed after Close and no other error: what else can go
// wrong (no file descriptors left, a client that went away) passes, so it waits
// and goes on.
func (l *listener) Accept() (net.Conn, error) {
	const shortest, longest = 5 * time.Millisecond, time.Second
	delay := shortest
	for {
		c, err := l.Listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil, net.ErrClosed
		case err != nil:
			l.log.WithError(err).WithField("retry_in", delay).Warn("accept refused by the system, retrying")
			select {
			case <-time.After(delay):
			case <-l.done:
			}
			delay = min(2*delay, longest)
			continue
		case l.connections.Add(1) <= l.limit:
			l.full.Store(false)
			return &countedConn{Conn: c, open: &l.connections}, nil
		}
		delay = shortest
		c.Close()
		l.connections.Add(-1)
		l.refusedConnections.Inc()
		if !l.full.Swap(true) {
			l.log.WithField("connections", l.limit).Warn("MAX_CONNECTIONS reached, closing further connections")
		}
	}
}

// Close ends Accept. It may be called twice.
func (l *listener) Close() (err error) {
	l.close.Do(func() {
		close(l.done)
		err = l.Listener.Close()
	})
	return err
}

// countedConn is open until its first Close.
type countedConn struct {
	net.Conn
	open   *atomic.Int64
	closed sync.Once
}

func (c *countedConn) Close() error {
	c.closed.Do(func() { c.open.Add(-1) })
	return c.Conn.Close()
}
