package heka

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// HashFunction is the hash of a signature's HMAC. Other numbers can come off
// the wire; no key verifies them.
type HashFunction int32

const (
	MD5  HashFunction = 0 // when a header names none
	SHA1 HashFunction = 1
)

// The tags of the header's fields.
const (
	tagMessageLength = 1<<3 | wireVarint
	tagHashFunction  = 3<<3 | wireVarint
	tagSigner        = 4<<3 | wireBytes
	tagKeyVersion    = 5<<3 | wireVarint
	tagHMAC          = 6<<3 | wireBytes

	lastHeaderField = 6
)

// ErrHeader is wrapped by every error about a header that cannot be decoded.
var ErrHeader = errors.New("header cannot be decoded")

// Header is a view of a frame's header. Signer and HMAC share the memory it was
// parsed from; nil means absent. A signer that is named is not proven: see
// Signers.Verify.
type Header struct {
	MessageLength uint32 // bytes of the body, 0 when absent
	HasLength     bool
	HashFunction  HashFunction
	Signer        []byte
	KeyVersion    uint32
	HMAC          []byte // nil: the frame is not signed
}

// ParseHeader decodes the bytes between a frame's length byte and its unit
// separator. It accepts what Heka accepts: any order, the last of a repeated
// field counts, unknown fields are skipped, nothing is required, and numbers
// are cut to 32 bits. With an error, which wraps ErrHeader, the Header holds
// what was read before it: a frame is cut by a length that was, whatever follows.
func ParseHeader(b []byte) (Header, error) {
	var h Header
	at, reason := h.parse(b)
	if reason != "" {
		return h, headerError(at, len(b), reason)
	}
	return h, nil
}

func headerError(at, size int, reason string) error {
	return fmt.Errorf("byte %d of a %d byte header: %s: %w", at, size, reason, ErrHeader)
}

// parse is ParseHeader without the price of an error.
func (h *Header) parse(b []byte) (at int, reason string) {
	for i := 0; i < len(b); {
		at = i
		tag, start := tagAt(b, i)
		if start < 0 {
			return at, reasonTruncated
		}
		switch tag {
		case tagMessageLength, tagHashFunction, tagKeyVersion:
			var v uint64
			if v, i = uvarint(b, start); i < 0 {
				return at, reasonTruncated
			}
			switch tag {
			case tagMessageLength:
				h.MessageLength, h.HasLength = uint32(v), true
			case tagHashFunction:
				h.HashFunction = HashFunction(v)
			case tagKeyVersion:
				h.KeyVersion = uint32(v)
			}
		case tagSigner, tagHMAC:
			if start, i = span(b, start); i < 0 {
				return at, reasonLength
			}
			if tag == tagSigner {
				h.Signer = b[start:i:i]
			} else {
				h.HMAC = b[start:i:i]
			}
		default:
			if n := tag >> 3; n >= 1 && n <= lastHeaderField && n != 2 {
				return at, reasonWireType
			}
			if i, reason = skip(b, start, tag&7); i < 0 {
				return at, reason
			}
		}
	}
	return 0, ""
}

// plainLength reads the header nearly every frame has: a shortest message_length
// of up to 28 bits and nothing else.
func plainLength(b []byte) (n uint32, ok bool) {
	if len(b) < 2 || len(b) > 5 || b[0] != tagMessageLength {
		return 0, false
	}
	last := len(b) - 1
	for i := 1; i < last; i++ {
		if b[i] < 0x80 {
			return 0, false
		}
		n |= uint32(b[i]&0x7F) << (7 * (i - 1))
	}
	return n | uint32(b[last])<<(7*(last-1)), b[last] < 0x80
}

// append appends the header as Heka's encoder writes it: ascending numbers, the
// hash function left out when it is MD5.
func (h *Header) append(dst []byte) []byte {
	dst = appendNumber(dst, tagMessageLength, uint64(h.MessageLength))
	if h.HMAC == nil {
		return dst
	}
	if h.HashFunction != MD5 {
		dst = appendNumber(dst, tagHashFunction, uint64(h.HashFunction))
	}
	dst = appendTagged(dst, tagSigner, h.Signer)
	dst = appendNumber(dst, tagKeyVersion, uint64(h.KeyVersion))
	return appendTagged(dst, tagHMAC, h.HMAC)
}

// AppendFrame appends body with the plain framing that every Heka client writes
// for an unsigned message: 0x1E, length, 0x08, body length as a varint, 0x1F.
// body must be smaller than 4 GiB.
func AppendFrame(dst, body []byte) []byte {
	size := byte(2)
	for n := len(body) >> 7; n > 0; n >>= 7 {
		size++
	}
	dst = append(dst, RecordSeparator, size, tagMessageLength)
	dst = binary.AppendUvarint(dst, uint64(len(body)))
	dst = append(dst, UnitSeparator)
	return append(dst, body...)
}
