package httpclient

import (
	"context"
	"io"
	"net"
	"sync"
)

// chunk is how much of a body goes to the kernel in one call. net/http's own 32 KiB
// cost a call, and a process that is woken at the other end, for every 60 small records.
const chunk = 128 << 10

var chunks = sync.Pool{New: func() any { return new([chunk]byte) }}

// conn is a connection that takes bodies in large pieces.
type conn struct{ net.Conn }

// dial connects as net/http's default does.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return conn{c}, nil
}

// ReadFrom sends what r has.
func (c conn) ReadFrom(r io.Reader) (sent int64, err error) {
	buf := chunks.Get().(*[chunk]byte)
	defer chunks.Put(buf)
	for {
		n, err := r.Read(buf[:])
		if n > 0 {
			m, err := c.Write(buf[:n])
			if sent += int64(m); err != nil {
				return sent, err
			}
		}
		if err == io.EOF {
			return sent, nil
		}
		if err != nil {
			return sent, err
		}
	}
}
