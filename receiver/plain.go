package receiver

import (
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Most requests are alike: a small POST that comes whole, without anything
// unusual in its header. net/http spends twice as much on one as all else on its
// way to the stream, so these are read and answered here. At the first that is
// not plain beyond doubt (see plainRequest), or does not come at once, the
// connection goes to net/http for good, with all that was read of that request:
// the rules for odd and slow clients are only there.

const (
	plainSize   = 4 << 10     // bytes of a plain request, its header included
	plainWithin = time.Second // from its first byte to its last
	rearmAfter  = time.Second // deadlines are at most so much too early
)

// plainConn is a connection that has sent plain requests only.
type plainConn struct {
	net.Conn
	h      *HTTP
	odd    *oddConns
	idle   atomic.Bool // waits for a request
	armed  time.Time   // when its deadline was set to IdleTimeout from then
	answer []byte      // memory for one
}

// serve answers plain requests until the client leaves, is silent or takes no
// answers for too long, the receiver drains, or a request is not plain.
func (c *plainConn) serve() {
	buf := getBuffer(plainSize)
	defer buf.put()
	_ = c.SetDeadline(time.Now().Add(c.h.server.ReadHeaderTimeout)) // of a closed connection: Read says so
	for have := 0; ; {
		if have == 0 {
			have = c.await(buf.b)
		}
		if have == 0 {
			c.Close()
			return
		}
		head, size, plain := c.complete(buf.b, &have)
		if !plain {
			c.odd.hand(c.Conn, buf.b[:have])
			return
		}
		if !c.respond(buf.b[head:size]) {
			c.Close()
			return
		}
		have = copy(buf.b, buf.b[size:have])
	}
}

// await reads the first bytes of a request, 0 when none comes in time.
func (c *plainConn) await(b []byte) (n int) {
	c.idle.Store(true)
	if !c.h.draining.Load() {
		n, _ = c.Read(b) // an error behind bytes comes again
	}
	c.idle.Store(false)
	return n
}

// complete reads on until have bytes in b hold the whole request, whose body is
// b[head:size] then. It may not be plain, or not come.
func (c *plainConn) complete(b []byte, have *int) (head, size int, plain bool) {
	for {
		head, size, plain = plainRequest(b[:*have])
		if !plain || size > len(b) || 0 < size && size <= *have {
			return head, size, plain && size <= len(b)
		}
		if *have == len(b) {
			return 0, 0, false
		}
		c.armed = time.Time{} // respond sets another
		_ = c.SetReadDeadline(time.Now().Add(plainWithin))
		n, err := c.Read(b[*have:])
		*have += n
		if err != nil {
			return 0, 0, false
		}
	}
}

// respond takes the records of one request and answers. It is false when the
// connection is to be closed.
func (c *plainConn) respond(content []byte) bool {
	h := c.h
	h.open.Add(1)
	defer h.open.Add(-1)
	var a answer
	if err := h.pub.Unavailable(); err != nil {
		a = unavailableNow(err)
	} else {
		a = h.deliver(content, nil)
	}
	h.answered(a.status)
	last, now := h.draining.Load(), time.Now()
	if now.Sub(c.armed) >= rearmAfter {
		c.armed = now
		_ = c.SetDeadline(now.Add(h.server.IdleTimeout))
	}
	c.answer = a.append(c.answer[:0], h.plain.date(now), last)
	_, err := c.Write(c.answer)
	return err == nil && !last
}

// plainConns are all connections that are served here.
type plainConns struct {
	mu     sync.Mutex
	conns  map[*plainConn]struct{}
	wait   sync.WaitGroup // one for each of conns
	ending bool
	today  atomic.Pointer[dateHeader]
}

// acceptPlain accepts connections until the listener is closed.
func (h *HTTP) acceptPlain(odd *oddConns) {
	for {
		nc, err := h.listener.Accept()
		if err != nil {
			return
		}
		h.plain.start(&plainConn{Conn: nc, h: h, odd: odd})
	}
}

func (p *plainConns) start(c *plainConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ending {
		c.Close()
		return
	}
	if p.conns == nil {
		p.conns = map[*plainConn]struct{}{}
	}
	p.conns[c] = struct{}{}
	p.wait.Go(func() {
		c.serve()
		p.mu.Lock()
		delete(p.conns, c)
		p.mu.Unlock()
	})
}

// end lets each connection finish the request it is at. The channel is closed
// when all have.
func (p *plainConns) end() (ended <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ending = true
	for c := range p.conns {
		if c.idle.Load() {
			_ = c.SetReadDeadline(time.Unix(1, 0))
		}
	}
	done := make(chan struct{})
	go func() {
		p.wait.Wait()
		close(done)
	}()
	return done
}

// cut closes the connections that are still there.
func (p *plainConns) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
}

// dateHeader is the value of Date for one second.
type dateHeader struct {
	second int64
	text   string
}

func (p *plainConns) date(now time.Time) string {
	d := p.today.Load()
	if d == nil || d.second != now.Unix() {
		d = &dateHeader{now.Unix(), now.UTC().Format(http.TimeFormat)}
		p.today.Store(d)
	}
	return d.text
}

// oddConns is the listener of net/http: its connections are those that are handed
// to it.
type oddConns struct {
	net.Listener
	conns chan net.Conn
	done  chan struct{}
	close sync.Once
}

func newOddConns(l net.Listener) *oddConns {
	return &oddConns{Listener: l, conns: make(chan net.Conn), done: make(chan struct{})}
}

// hand gives c away; read, which is copied, is what came over it already.
func (o *oddConns) hand(c net.Conn, read []byte) {
	_ = c.SetDeadline(time.Time{})
	select {
	case o.conns <- &resumedConn{Conn: c, head: append([]byte(nil), read...)}:
	case <-o.done:
		c.Close()
	}
}

func (o *oddConns) Accept() (net.Conn, error) {
	select {
	case c := <-o.conns:
		return c, nil
	case <-o.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept; the listener beneath is closed too.
func (o *oddConns) Close() error {
	o.close.Do(func() { close(o.done) })
	return o.Listener.Close()
}

// resumedConn is a connection of which head was read before.
type resumedConn struct {
	net.Conn
	head []byte
}

func (c *resumedConn) Read(p []byte) (int, error) {
	if len(c.head) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.head)
	c.head = c.head[n:]
	return n, nil
}
