// Package recordid computes the id under which a record is known to every sink,
// whoever sends it and however often:
//
//	12 hex digits   event time in milliseconds
//	32 hex digits   HighwayHash-128 of the body; without a 16-byte uuid, of
//	                the origin, a zero byte, the index (4 bytes, big-endian)
//	                and the body
//
// The origin is the id of the block the record came in, so a resend, a copy at a
// hub and a replay give the same id, and because the body is always hashed an id
// stands for exactly one content. The format is in docs/wire-format.md, "Ids";
// there is no setting, since two settings would be two ids for one record.
package recordid

import (
	"encoding/binary"
	"encoding/hex"
	"hash"

	"github.com/minio/highwayhash"

	"lagermeister/heka"
)

// Size is the length of an id in bytes.
const Size = 2*timeSize + 2*highwayhash.Size128

const timeSize = 6 // bytes; int64 nanoseconds are below 2^43 milliseconds

// key is fixed for all time: another one would give every record another id.
const key = "lagermeister.record.identity.v01"

// Hasher computes ids without allocating. The zero value is ready; it is for one
// goroutine at a time.
type Hasher struct {
	hash    hash.Hash
	scratch []byte
}

// Append appends the id of m, which stands at index in the block that origin
// names: the block's message id, or STREAM/CREATED/SEQUENCE when it has none.
// Records with a 16-byte uuid have the same id in every block.
func (h *Hasher) Append(dst []byte, m *heka.Message, origin string, index int) []byte {
	if h.hash == nil {
		h.hash = newHash()
	}
	h.hash.Reset()
	h.scratch = h.scratch[:0]
	if len(m.UUID) != heka.UUIDSize {
		h.scratch = append(append(h.scratch, origin...), 0)
		h.scratch = binary.BigEndian.AppendUint32(h.scratch, uint32(index))
		h.hash.Write(h.scratch)
	}
	h.hash.Write(m.Body)

	ms := uint64(max(m.Timestamp, 0)) / 1e6
	h.scratch = binary.BigEndian.AppendUint64(h.scratch[:0], ms)
	h.scratch = h.hash.Sum(h.scratch)
	return hex.AppendEncode(dst, h.scratch[8-timeSize:])
}

func newHash() hash.Hash {
	h, err := highwayhash.New128([]byte(key))
	if err != nil {
		panic(err) // only a key that is not 32 bytes long
	}
	return h
}
