package receiver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

// conn is one TCP connection. Its goroutine reads into a buffer from the pool,
// has the intake sift it, and gives what is kept to the publisher straight from
// there. Between frames it holds no buffer; inside one it holds a buffer of about
// the size of what the client sends at a time, or of the frame.
type conn struct {
	net.Conn
	t     *TCP
	size  int     // of the buffer for the next burst
	first [1]byte // of it, until there is a buffer

	refused, garbage uint64 // records and bytes, for the log

	standing standing // inside a frame

	mu      sync.Mutex // orders deadlines: those of read, wake and evict
	limited bool       // a deadline is set
}

// What ends a connection beside the client.
var (
	errStalled   = errors.New("silent inside a frame")
	errNoRoom    = errors.New("no room for its incomplete frame: too many connections stand inside one")
	errHandshake = errors.New("TLS handshake")
	errNotRead   = errors.New("receiver stops reading")
)

// serve reads until the client ends the connection, breaks a rule, or the
// receiver is shut down.
func (c *conn) serve() {
	defer c.Close()
	err := c.handshake()
	if err == nil {
		err = c.receive()
	}
	c.ended(err)
}

// ended counts and logs the end. What it needs of the stack would, as a part of
// serve, make that of an idle connection twice as large.
func (c *conn) ended(err error) {
	switch {
	case errors.Is(err, errStalled):
		c.t.closed[closedStalled].Inc()
	case errors.Is(err, errNoRoom):
		c.t.closed[closedBudget].Inc()
	case errors.Is(err, errHandshake):
		c.t.closed[closedHandshake].Inc()
	}
	log := c.t.log.WithError(err).WithFields(logrus.Fields{"remote": c.RemoteAddr(), "refused": c.refused, "garbage_bytes": c.garbage})
	if c.refused+c.garbage > 0 && c.t.spoken.allow(time.Now()) {
		log.Info("connection ended, client sent what is no valid record")
	} else {
		log.Debug("connection ended")
	}
}

func (c *conn) handshake() error {
	secure, ok := c.Conn.(*tls.Conn)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(c.t.appending, handshakeTimeout)
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		return errors.Join(errHandshake, err)
	}
	return nil
}

// receive is the life of the connection, and returns what ended it.
func (c *conn) receive() error {
	for c.available() {
		n, err := c.read(c.first[:], 0)
		if n == 0 {
			return err
		}
		if err := c.burst(); err != nil {
			return err
		}
	}
	return errNotRead
}

// burst reads on from the first byte of a frame, or of garbage, until there is
// neither. An error means that the connection is to be closed.
func (c *conn) burst() error {
	buf, err := c.buffer()
	if err != nil {
		return c.cutOff(c.first[:], err)
	}
	defer func() {
		c.t.reads.give(len(buf.b))
		buf.put()
	}()
	buf.b[0] = c.first[0]
	c.standing.begin()
	for used := 1; ; {
		if !c.t.frames.take(len(buf.b)) && !c.t.evict(len(buf.b)) {
			return c.cutOff(buf.b[:used], errNoRoom)
		}
		c.standing.holds.Store(int64(len(buf.b)))
		n, readErr := c.read(buf.b[used:], c.t.stalled)
		c.standing.holds.Store(0)
		c.t.frames.give(len(buf.b))

		kept, t, rest, want := c.t.sift(buf.b[:used+n])
		c.refused += t.refusals()
		c.garbage += t.garbage
		if t.kept > 0 {
			if err := c.t.store(c.t.appending, kept, int(t.kept), nil); err != nil {
				c.t.givenUp.Add(int64(t.kept))
				return c.cutOff(rest, fmt.Errorf("%d records read and not taken: %w", t.kept, err))
			}
		}
		if t.received+t.garbage > 0 || len(rest) == 0 {
			c.standing.begin()
		}
		silent := errors.Is(readErr, os.ErrDeadlineExceeded)
		switch {
		case silent && c.standing.evicted.Load():
			return c.cutOff(rest, errNoRoom)
		case silent && len(rest) > 0 && c.t.drainEnd.Load() == nil:
			return c.cutOff(rest, errStalled)
		case readErr != nil && !silent, silent && len(rest) > 0:
			return c.cutOff(rest, readErr)
		case len(rest) == 0: // silence behind garbage is no fault
			c.resize(n)
			return nil
		case !c.available():
			return c.cutOff(rest, errNotRead)
		}
		c.resize(n)
		buf = c.keep(buf, rest, want)
		used = len(rest)
	}
}

// buffer takes a read buffer, waiting while connections hold too much already.
func (c *conn) buffer() (*buffer, error) {
	size, _ := sizeClass(c.size)
	for !c.t.reads.take(size) {
		select {
		case <-c.t.appending.Done():
			return nil, errNotRead
		case <-time.After(askAgain):
		}
	}
	return getBuffer(size), nil
}

// keep moves an incomplete frame to the front of a buffer that has room for more of
// it, as much as fits what has come and the connection's habits: memory is not
// given on the word of a header.
func (c *conn) keep(buf *buffer, rest []byte, want int) *buffer {
	size, _ := sizeClass(max(min(want, 4*len(rest)), c.size))
	if size == len(buf.b) {
		copy(buf.b, rest)
		return buf
	}
	next := getBuffer(size)
	copy(next.b, rest)
	c.t.reads.give(len(buf.b) - size) // never waits: it would wait with a buffer in hand
	buf.put()
	return next
}

// resize makes the next buffer fit what came in one read: twice of it, so that a
// client in full flow gets the largest and a slow one the smallest. The largest is
// larger when connections are few: a goroutine wakes less often then. When they are
// very many it is a connection's share of what all may hold inside a frame.
func (c *conn) resize(n int) {
	const one, few, all = 32 << 10, 256 << 10, 8 << 20
	open := max(int(c.t.connections.Load()), 1)
	largest := max(one, min(few, all/open))
	if share := int(c.t.frames.limit) / open; share < largest {
		largest = roundDown(share)
	}
	c.size = min(max(2*n, smallestBuffer), largest)
}

// cutOff counts an incomplete frame that nothing will complete, because of err,
// which it returns.
func (c *conn) cutOff(rest []byte, err error) error {
	if len(rest) > 0 {
		c.refused++
		c.t.refuse(truncated)
	}
	return err
}

// available waits until the publisher takes records, so that nothing is read that
// could not be stored. It is false when the receiver has stopped reading.
func (c *conn) available() bool {
	for c.t.pub.Unavailable() != nil {
		select {
		case <-c.t.serving.Done():
			return false
		case <-time.After(askAgain):
		}
	}
	end := c.t.drainEnd.Load()
	return end == nil || time.Now().Before(*end)
}

// read waits for bytes for at most limit, 0 meaning for ever; at shutdown not
// beyond the connection's silence or the end of reading.
func (c *conn) read(p []byte, limit time.Duration) (int, error) {
	c.mu.Lock()
	if c.standing.evicted.Load() {
		c.cut()
	} else if end := c.t.drainEnd.Load(); end != nil {
		c.drain(*end)
	} else if limit > 0 || c.limited {
		c.limited = limit > 0
		var deadline time.Time
		if c.limited {
			deadline = time.Now().Add(limit)
		}
		_ = c.SetReadDeadline(deadline) // of a closed connection: Read says so
	}
	c.mu.Unlock()
	return c.Read(p)
}

// wake makes a waiting read end as shutdown wants it.
func (c *conn) wake() {
	c.mu.Lock()
	c.drain(*c.t.drainEnd.Load())
	c.mu.Unlock()
}

func (c *conn) drain(end time.Time) {
	if silent := time.Now().Add(drainSilence); silent.Before(end) {
		end = silent
	}
	_ = c.SetReadDeadline(end)
}
