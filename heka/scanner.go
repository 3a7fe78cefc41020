package heka

import (
	"bytes"
	"errors"
	"fmt"
)

// The parts of a frame.
const (
	RecordSeparator = 0x1E // begins a frame; never the first byte of a message
	UnitSeparator   = 0x1F // between header and body
	MaxHeader       = 255  // bytes
	FramingSize     = 3    // bytes of a frame beside header and body

	// DefaultMaxMessage is Heka's limit for the body of a frame, in bytes.
	DefaultMaxMessage = 64 << 10
)

// MaxFrame is the size of the largest frame around a body of at most maxMessage bytes.
func MaxFrame(maxMessage int) int { return FramingSize + MaxHeader + maxMessage }

// ErrTooLarge is wrapped by what OnReject is told of a frame whose header
// announces more than MaxMessage bytes.
var ErrTooLarge = errors.New("message too large")

// Frame is a view of one frame in the buffer it was found in.
type Frame struct {
	Raw    []byte // all of it, as received
	Header []byte // between length byte and unit separator
	Body   []byte // one message, not yet looked at
}

// Scanner finds frames as Heka's splitter does. Its only state is its counters
// and its limit; the bytes stay with the caller. The zero value is ready.
type Scanner struct {
	// MaxMessage is the largest body accepted, in bytes; 0 is DefaultMaxMessage.
	MaxMessage int

	Skipped    uint64 // bytes that belong to no frame, including rejected separators
	Oversized  uint64 // headers that announce more than MaxMessage
	BadHeaders uint64 // separators that no header follows

	// OnReject, if set, is called for each separator counted in Oversized or
	// BadHeaders, with its place in the buffer of the call to Next and an error
	// that wraps ErrTooLarge or ErrHeader.
	OnReject func(at int, err error)
}

// Next looks for the first frame in b.
//
// If f.Raw is not nil it is that frame, and it ends at b[n]; call again with
// b[n:]. Otherwise b[:n] is garbage to drop, and nothing can be said of the rest
// before at least want bytes (more than there are) stand at b[n]. The caller
// must go on from n in both cases, then no byte is counted twice.
//
// A frame is a separator, a header that decodes (or at least its length does)
// and a body within the limit. After a separator that starts none the search
// goes on at the very next byte. So an oversized body is searched as if it were
// garbage, and a false header holds back the stream until as many bytes have
// come as it announces, at most MaxFrame.
func (s *Scanner) Next(b []byte) (f Frame, n, want int) {
	for i := 0; ; i++ {
		if i >= len(b) || b[i] != RecordSeparator {
			found := bytes.IndexByte(b[i:], RecordSeparator)
			if found < 0 {
				s.Skipped += uint64(len(b))
				return Frame{}, len(b), FramingSize
			}
			i += found
		}

		rest := b[i:]
		if len(rest) < FramingSize {
			s.Skipped += uint64(i)
			return Frame{}, i, FramingSize
		}
		body := FramingSize + int(rest[1])
		if len(rest) < body {
			s.Skipped += uint64(i)
			return Frame{}, i, body
		}
		length, ok := s.length(rest[:body], i)
		if !ok {
			continue
		}
		end := body + length
		s.Skipped += uint64(i)
		if len(rest) < end {
			return Frame{}, i, end
		}
		return Frame{
			Raw:    rest[:end:end],
			Header: rest[2 : body-1 : body-1],
			Body:   rest[body:end:end],
		}, i + end, 0
	}
}

// length reads the body's length from all that precedes the body: separator,
// header length, header, separator. It counts and reports what is no header.
func (s *Scanner) length(b []byte, at int) (n int, ok bool) {
	last := len(b) - 1
	if b[last] != UnitSeparator {
		s.BadHeaders++
		if s.OnReject != nil {
			s.OnReject(at, fmt.Errorf("byte %#02x instead of the unit separator behind %d header bytes: %w", b[last], last-2, ErrHeader))
		}
		return 0, false
	}
	header := b[2:last]
	length, plain := plainLength(header)
	if !plain {
		var h Header
		if i, reason := h.parse(header); reason != "" && !h.HasLength {
			s.BadHeaders++
			if s.OnReject != nil {
				s.OnReject(at, headerError(i, len(header), reason))
			}
			return 0, false
		}
		length = h.MessageLength
	}
	if limit := s.limit(); int64(length) > int64(limit) {
		s.Oversized++
		if s.OnReject != nil {
			s.OnReject(at, fmt.Errorf("header announces a message of %d bytes, limit %d: %w", length, limit, ErrTooLarge))
		}
		return 0, false
	}
	return int(length), true
}

func (s *Scanner) limit() int {
	if s.MaxMessage > 0 {
		return s.MaxMessage
	}
	return DefaultMaxMessage
}
