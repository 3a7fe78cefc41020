package receiver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// bodyBudget is how many bytes of bodies all requests together may hold.
const bodyBudget = 64 << 20

// zstdWindow is the largest window a zstd body may ask for; RFC 8878 recommends
// that every decoder has 8 MiB and no encoder needs more.
const zstdWindow = 8 << 20

var (
	errBodyTooLarge = errors.New("request body too large")
	errBodyBudget   = errors.New("too many request bodies at once")
)

// body is a request's body, complete, and charged to the budget until release.
type body struct {
	buf    *buffer
	n      int
	budget *budget
}

func (b *body) bytes() []byte { return b.buf.b[:b.n] }

// release gives memory and budget back. It may be called twice.
func (b *body) release() {
	if b.buf == nil {
		return
	}
	b.budget.give(len(b.buf.b))
	b.buf.put()
	b.buf = nil
}

// readBody reads r to its end. hint is the expected length, -1 when unknown: it
// saves copies, but memory is only taken for what has come: four times of it at
// most, and twice from 64 KiB on.
// More than limit bytes is errBodyTooLarge, and errBodyBudget means that other
// requests hold the memory it needs.
func readBody(r io.Reader, hint, limit int64, budget *budget) (*body, error) {
	const unasked, small = 2 << 10, 64 << 10 // the first is given on the word of the client
	most := limit + 1                        // one more, to see the end
	if hint >= 0 {
		most = min(most, hint+1)
	}
	b := &body{budget: budget}
	if err := b.grow(min(most, unasked)); err != nil {
		return nil, err
	}
	for {
		n, err := r.Read(b.buf.b[b.n:])
		b.n += n
		switch {
		case int64(b.n) > limit:
			b.release()
			return nil, errBodyTooLarge
		case err == io.EOF:
			return b, nil
		case err != nil:
			b.release()
			return nil, err
		case b.n == len(b.buf.b):
			next := int64(2 * b.n)
			if b.n < small {
				next *= 2
			}
			if next > most && int64(b.n) < most {
				next = most
			}
			if err := b.grow(next); err != nil {
				b.release()
				return nil, err
			}
		}
	}
}

// grow moves the body to a buffer of at least size bytes.
func (b *body) grow(size int64) error {
	n := int(size)
	if n <= largestPooled {
		n, _ = sizeClass(n)
	}
	if !b.budget.take(n) {
		return errBodyBudget
	}
	next := getBuffer(n)
	if b.buf != nil {
		copy(next.b, b.bytes())
		b.budget.give(len(b.buf.b))
		b.buf.put()
	}
	b.buf = next
	return nil
}

// unpackers hold as many decoders as there are processors: a body is complete in
// memory before it is unpacked, so one is needed for moments only, and a slow
// client never holds one.
type unpackers chan *unpacker

type unpacker struct {
	source bytes.Reader
	gzip   gzip.Reader
	zstd   *zstd.Decoder
}

func newUnpackers() (unpackers, error) {
	u := make(unpackers, runtime.GOMAXPROCS(0))
	for range cap(u) {
		decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdWindow))
		if err != nil {
			return nil, fmt.Errorf("zstd decoder: %w", err)
		}
		u <- &unpacker{zstd: decoder}
	}
	return u, nil
}

// unpack replaces a packed body, which it releases, by its content of at most
// limit bytes. encoding is gzip or zstd.
func (u unpackers) unpack(ctx context.Context, packed *body, encoding string, limit int64) (*body, error) {
	defer packed.release()
	var one *unpacker
	select {
	case one = <-u:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { u <- one }()

	one.source.Reset(packed.bytes())
	defer one.source.Reset(nil)
	var decoder interface {
		io.Reader
		Reset(io.Reader) error
	} = &one.gzip
	if encoding == "zstd" {
		decoder = one.zstd
	}
	if err := decoder.Reset(&one.source); err != nil {
		return nil, packedError(encoding, err)
	}
	plain, err := readBody(decoder, -1, limit, packed.budget)
	if err != nil && !errors.Is(err, errBodyTooLarge) && !errors.Is(err, errBodyBudget) {
		return nil, packedError(encoding, err)
	}
	return plain, err
}

// errPacked is wrapped by errors about bodies that are not what their
// Content-Encoding says.
var errPacked = errors.New("body cannot be unpacked")

func packedError(encoding string, err error) error {
	return fmt.Errorf("%w as %s: %w", errPacked, encoding, err)
}
