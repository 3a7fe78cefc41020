package httpclient

import (
	"io"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
)

// maxPooled bounds what a reused body may hold between uses.
const maxPooled = 16 << 20

var (
	bodies  = sync.Pool{New: func() any { return new(Body) }}
	deflate = sync.Pool{New: func() any {
		w, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
		if err != nil {
			panic(err) // the level is a constant
		}
		return w
	}}
)

// Body is a request body being built, plain or compressed as it is written.
// Its memory is used again once the owner has released it and the transport
// has closed its readers, which it may do long after Do has returned.
type Body struct {
	buf     []byte
	gzip    *gzip.Writer // nil: plain
	raw     int          // bytes before compression
	scratch []byte
	holders atomic.Int32
}

// NewBody returns an empty body. The caller writes, passes it to Do, and
// releases it.
func (c *Client) NewBody() *Body {
	b := bodies.Get().(*Body)
	b.buf, b.raw = b.buf[:0], 0
	b.holders.Store(1)
	if c.conf.Gzip {
		b.gzip = deflate.Get().(*gzip.Writer)
		b.gzip.Reset((*appender)(b))
	}
	return b
}

// Write appends p, less than 2 GiB in all; it never fails.
func (b *Body) Write(p []byte) (int, error) {
	b.raw += len(p)
	if b.gzip != nil {
		return b.gzip.Write(p)
	}
	b.buf = append(b.buf, p...)
	return len(p), nil
}

// Len returns the number of bytes written, before compression.
func (b *Body) Len() int { return b.raw }

// Scratch returns an empty slice to build a piece in before it is written; give
// it back grown with Keep.
func (b *Body) Scratch() []byte { return b.scratch[:0] }

// Keep remembers the memory of what was built in Scratch.
func (b *Body) Keep(scratch []byte) { b.scratch = scratch }

// Release gives the body up.
func (b *Body) Release() {
	if b.holders.Add(-1) > 0 {
		return
	}
	b.finish() // when it was never sent
	if cap(b.buf) <= maxPooled {
		bodies.Put(b)
	}
}

// finish ends compression and returns whether the body is compressed.
func (b *Body) finish() bool {
	if b.gzip == nil {
		return false
	}
	b.gzip.Close() // an appender does not fail
	deflate.Put(b.gzip)
	b.gzip = nil
	return true
}

// appender is the compressed side of a Body.
type appender Body

func (a *appender) Write(p []byte) (int, error) {
	a.buf = append(a.buf, p...)
	return len(p), nil
}

// reader returns a new reader of the finished body, a holder until its Close.
func (b *Body) reader() io.ReadCloser {
	b.holders.Add(1)
	return &bodyReader{body: b, data: b.buf}
}

// bodyReader allows Close during Read, as transports do: after Close has
// returned the body is not read.
type bodyReader struct {
	mu   sync.Mutex
	body *Body // nil once closed
	data []byte
}

func (r *bodyReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.body == nil {
		return 0, io.ErrClosedPipe
	}
	if len(r.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.data)
	r.data = r.data[n:]
	return n, nil
}

func (r *bodyReader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.body != nil {
		r.body.Release()
		r.body, r.data = nil, nil
	}
	return nil
}
