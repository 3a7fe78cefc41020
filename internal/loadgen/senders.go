package loadgen

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"time"
)

const (
	firstPause = 100 * time.Millisecond
	lastPause  = 2 * time.Second
)

// trouble is what went wrong so far: how often something was sent again, and the
// latest reason.
type trouble struct {
	retries atomic.Uint64
	last    atomic.Value // string
}

func (t *trouble) add(reason string) {
	t.retries.Add(1)
	t.last.Store(reason)
}

// pause waits before another try: 100 ms, doubling to 2 s.
func pause(ctx context.Context, try int) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(min(firstPause<<min(try, 8), lastPause)):
		return nil
	}
}

// dialer makes a connection, with or without TLS.
type dialer interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}

// connection is closed when the context ends that it was made with.
type connection struct {
	net.Conn
	release func() bool
}

func connect(ctx context.Context, d dialer, address string) (*connection, error) {
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &connection{conn, context.AfterFunc(ctx, func() { conn.Close() })}, nil
}

func (c *connection) Close() error {
	c.release()
	return c.Conn.Close()
}

// tcpSender writes frames to one connection and makes a new one when it breaks.
// What was written when it broke is written again: the records are the same
// bytes with the same uuid, so a second copy is the same record.
type tcpSender struct {
	address string
	trouble *trouble
	conn    *connection // nil: to be made
}

func (t *tcpSender) send(ctx context.Context, frames []byte) (refused bool, err error) {
	for try := 0; ; try++ {
		if err = t.write(ctx, frames); err == nil {
			return false, nil
		}
		t.close()
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		t.trouble.add(err.Error())
		if pause(ctx, try) != nil {
			return false, fmt.Errorf("send %d bytes to %s: %w", len(frames), t.address, err)
		}
	}
}

func (t *tcpSender) write(ctx context.Context, frames []byte) (err error) {
	if t.conn == nil {
		if t.conn, err = connect(ctx, &net.Dialer{}, t.address); err != nil {
			return err
		}
	}
	_, err = t.conn.Write(frames)
	return err
}

func (t *tcpSender) close() {
	if t.conn != nil {
		t.conn.Close()
		t.conn = nil
	}
}
