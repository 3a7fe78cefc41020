package httpclient

import (
	"io"
	"sync"

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

// Body is a request body being built: pieces of its owner's memory and of its
// own, compressed at the end if the settings ask for it.
//
// A transport may go on reading a body long after Do has returned, when the far
// end has answered before it had read the request. So a reader is good for one
// use of the body only: from Release on it says that it is closed, and memory that
// was lent, or is used again, is not touched by it.
type Body struct {
	pieces [][]byte
	own    []byte // what was written, not lent
	raw    int    // bytes before compression
	gzip   bool
	packed []byte // what is sent instead of the pieces, once finished

	mu  sync.Mutex // for use, and held while a reader copies
	use uint64     // counts releases
}

// NewBody returns an empty body. The caller writes and lends, passes it to Do, and
// releases it.
func (c *Client) NewBody() *Body {
	b := bodies.Get().(*Body)
	b.gzip = c.conf.Gzip
	return b
}

// Write appends a copy of p, less than 2 GiB in all; it never fails.
func (b *Body) Write(p []byte) (int, error) {
	start := len(b.own)
	b.own = append(b.own, p...) // a piece that stays in older memory is whole there
	b.Lend(b.own[start:])
	return len(p), nil
}

// Lend appends p itself, which must not change until Release.
func (b *Body) Lend(p []byte) {
	if len(p) == 0 {
		return
	}
	b.raw += len(p)
	if n := len(b.pieces); n > 0 {
		last := b.pieces[n-1]
		if size := len(last) + len(p); size <= cap(last) && &last[:size][len(last)] == &p[0] { // side by side
			b.pieces[n-1] = last[:size]
			return
		}
	}
	b.pieces = append(b.pieces, p)
}

// Len returns the number of bytes written and lent, before compression.
func (b *Body) Len() int { return b.raw }

// Release gives the body and what was lent to it up.
func (b *Body) Release() {
	b.mu.Lock()
	b.use++
	b.mu.Unlock()
	clear(b.pieces)
	b.pieces, b.own, b.packed, b.raw = b.pieces[:0], b.own[:0], b.packed[:0], 0
	if cap(b.own)+cap(b.packed) <= maxPooled {
		bodies.Put(b)
	}
}

// finish compresses the body if that is asked for, and returns whether it is.
func (b *Body) finish() bool {
	if !b.gzip || len(b.packed) > 0 {
		return b.gzip
	}
	w := deflate.Get().(*gzip.Writer)
	w.Reset((*packer)(b))
	for _, p := range b.pieces {
		_, _ = w.Write(p) // a packer does not fail
	}
	w.Close()
	deflate.Put(w)
	clear(b.pieces)
	b.pieces = append(b.pieces[:0], b.packed)
	return true
}

// size is the number of bytes that are sent, once finished.
func (b *Body) size() int {
	if b.gzip {
		return len(b.packed)
	}
	return b.raw
}

// packer is the compressed side of a Body.
type packer Body

func (p *packer) Write(data []byte) (int, error) {
	p.packed = append(p.packed, data...)
	return len(data), nil
}

// reader returns a new reader of the finished body.
func (b *Body) reader() io.ReadCloser {
	return &bodyReader{body: b, use: b.use, left: b.size()}
}

// bodyReader reads a Body in one of its uses. It is for one goroutine, but Close
// and the body's Release may be called during Read, as transports do.
type bodyReader struct {
	body   *Body
	use    uint64
	piece  int // the piece it has come to,
	offset int // and how far into it
	left   int
}

func (r *bodyReader) Read(p []byte) (n int, err error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	r.body.mu.Lock()
	defer r.body.mu.Unlock()
	if r.use != r.body.use {
		return 0, io.ErrClosedPipe
	}
	for n < len(p) && r.left > 0 {
		piece := r.body.pieces[r.piece]
		m := copy(p[n:], piece[r.offset:])
		n, r.offset, r.left = n+m, r.offset+m, r.left-m
		if r.offset == len(piece) {
			r.piece, r.offset = r.piece+1, 0
		}
	}
	return n, nil
}

func (r *bodyReader) Close() error { return nil }
