package heka

import "encoding/binary"

// Wire types of protobuf: the low three bits of a tag.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireGroup   = 3
	wireEnd     = 4
	wireFixed32 = 5
)

// What can be wrong with wire bytes; the words of DecodeError.Reason.
const (
	reasonTruncated   = "value ends beyond the last byte"
	reasonLength      = "length goes beyond the last byte"
	reasonWireType    = "wire type does not belong to this field"
	reasonNotWireType = "wire type 6 or 7 does not exist"
)

// uvarint reads the varint at b[i]. next is the offset behind it, or -1 when b
// ends inside. As in Heka, forms longer than needed are fine and bits beyond
// the 64th are dropped.
func uvarint(b []byte, i int) (v uint64, next int) {
	for shift := uint(0); i < len(b); shift += 7 {
		c := b[i]
		i++
		v |= uint64(c&0x7F) << shift
		if c < 0x80 {
			return v, i
		}
	}
	return 0, -1
}

// tagAt reads the tag at b[i]; next is as in uvarint. As in Heka, a field
// number is cut to 32 bits, so one field has many tags; this returns the
// shortest of them.
func tagAt(b []byte, i int) (tag uint64, next int) {
	tag, next = uvarint(b, i)
	return uint64(uint32(tag>>3))<<3 | tag&7, next
}

// span reads the length at b[i] and returns the limits of the value behind it.
// end is -1 when the length cannot be read or goes beyond b, which includes
// every length that would be negative as a signed number.
func span(b []byte, i int) (start, end int) {
	n, start := uvarint(b, i)
	if start < 0 || n > uint64(len(b)-start) {
		return start, -1
	}
	return start, start + int(n)
}

// skip steps over a value of the given wire type at b[i] and returns the offset
// behind it. A reason is given when that is not possible. As in Heka, the end of
// a group is not compared with its start, and one without a start is skipped.
func skip(b []byte, i int, wireType uint64) (next int, reason string) {
	for depth := 0; ; {
		switch wireType {
		case wireVarint:
			_, i = uvarint(b, i)
		case wireFixed64:
			i += 8
		case wireBytes:
			if _, i = span(b, i); i < 0 {
				return -1, reasonLength
			}
		case wireGroup:
			depth++
		case wireEnd:
			depth = max(depth-1, 0)
		case wireFixed32:
			i += 4
		default:
			return -1, reasonNotWireType
		}
		if i < 0 || i > len(b) {
			return -1, reasonTruncated
		}
		if depth == 0 {
			return i, ""
		}
		if wireType, i = uvarint(b, i); i < 0 {
			return -1, reasonTruncated
		}
		wireType &= 7
	}
}

// appendTagged appends a length-delimited value with its tag.
func appendTagged[T string | []byte](dst []byte, tag byte, value T) []byte {
	dst = binary.AppendUvarint(append(dst, tag), uint64(len(value)))
	return append(dst, value...)
}

// appendNumber appends a varint with its tag.
func appendNumber(dst []byte, tag byte, v uint64) []byte {
	return binary.AppendUvarint(append(dst, tag), v)
}
