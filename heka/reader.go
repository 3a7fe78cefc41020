package heka

import (
	"errors"
	"fmt"
	"io"
)

// Reader reads frames from files and other streams that end.
type Reader struct {
	// OnSkip, if set, is told of each run of bytes that belongs to no frame:
	// its offset in the stream and its length. A run is told once, in whole,
	// before the frame behind it is returned.
	OnSkip func(offset, length int64)

	// OnReject, if set, is told of each separator that starts no frame, with its
	// offset in the stream and an error that wraps ErrTooLarge or ErrHeader.
	OnReject func(offset int64, err error)

	r       io.Reader
	scan    Scanner
	buf     []byte
	unread  []byte // the part of buf not yet given out
	base    int64  // offset of unread in the stream
	offset  int64  // of the last frame, or of what is incomplete
	garbage int64  // length of the open run of garbage, which ends at base
	err     error  // from r, told when nothing complete is left
}

// NewReader returns a Reader of r that accepts bodies of up to maxMessage bytes,
// 0 meaning DefaultMaxMessage. Its buffer grows to at most MaxFrame(maxMessage)
// plus one read.
func NewReader(r io.Reader, maxMessage int) *Reader {
	return &Reader{r: r, scan: Scanner{MaxMessage: maxMessage}}
}

// Next returns the next frame, which is valid until the following call. Garbage
// before it is skipped, told and counted.
//
// At the end it returns io.EOF, or an error that wraps io.ErrUnexpectedEOF when
// a frame began and did not end; what is inside of such a frame is not searched,
// as in Heka. An error of the underlying reader comes when the complete frames
// before it have been returned. All of them repeat.
func (r *Reader) Next() (Frame, error) {
	if r.OnReject != nil && r.scan.OnReject == nil {
		r.scan.OnReject = func(at int, err error) { r.OnReject(r.base+int64(at), err) }
	}
	for {
		f, n, want := r.scan.Next(r.unread)
		r.garbage += int64(n - len(f.Raw))
		r.base += int64(n)
		r.unread = r.unread[n:]
		if f.Raw != nil {
			r.offset = r.base - int64(len(f.Raw))
			r.tellGarbage(r.offset)
			return f, nil
		}
		if r.err == nil {
			r.fill(want)
			continue
		}
		r.offset = r.base
		r.tellGarbage(r.offset)
		if errors.Is(r.err, io.EOF) && len(r.unread) > 0 {
			return Frame{}, fmt.Errorf("frame at byte %d: stream ends after %d of at least %d bytes: %w",
				r.base, len(r.unread), want, io.ErrUnexpectedEOF)
		}
		return Frame{}, r.err
	}
}

func (r *Reader) tellGarbage(end int64) {
	if r.garbage > 0 && r.OnSkip != nil {
		r.OnSkip(end-r.garbage, r.garbage)
	}
	r.garbage = 0
}

// fill reads until want unread bytes stand in the buffer, or sets r.err.
func (r *Reader) fill(want int) {
	const room = 64 << 10 // never ask the reader for less, so that reads stay few
	if cap(r.unread) < want+room {
		if cap(r.buf) < want+room {
			r.buf = make([]byte, 0, want+room)
		}
		r.unread = append(r.buf[:0], r.unread...)
	}
	for empty := 0; len(r.unread) < want && r.err == nil; {
		n, err := r.r.Read(r.unread[len(r.unread):cap(r.unread)])
		r.unread, r.err = r.unread[:len(r.unread)+n], err
		if n > 0 {
			empty = 0
		} else if empty++; empty == 100 && err == nil {
			r.err = io.ErrNoProgress
		}
	}
}

// Offset is where in the stream the last frame returned by Next begins; after an
// error, where the bytes begin that were not returned.
func (r *Reader) Offset() int64 { return r.offset }

// Skipped counts the bytes so far that belong to no frame.
func (r *Reader) Skipped() uint64 { return r.scan.Skipped }

// Oversized counts the headers so far that announce more than the limit.
func (r *Reader) Oversized() uint64 { return r.scan.Oversized }
