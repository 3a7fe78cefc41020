package receiver

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// Buffers come in powers of two from 1 KiB to 1 MiB, each size from a pool of
// its own; larger ones are rare (HTTP bodies) and left to the garbage collector.
const (
	smallestBuffer = 1 << 10
	largestPooled  = 1 << 20
)

var pools [11]sync.Pool // 1 KiB << i

// buffer is a pooled slice. Whoever holds the pointer owns the bytes.
type buffer struct{ b []byte }

// getBuffer returns a buffer of at least n bytes with arbitrary content.
func getBuffer(n int) *buffer {
	if n > largestPooled {
		return &buffer{b: make([]byte, n)}
	}
	size, class := sizeClass(n)
	if buf, ok := pools[class].Get().(*buffer); ok {
		return buf
	}
	return &buffer{b: make([]byte, size)}
}

// put gives the buffer back; neither it nor its bytes may be used after.
func (buf *buffer) put() {
	if len(buf.b) <= largestPooled {
		_, class := sizeClass(len(buf.b))
		pools[class].Put(buf)
	}
}

// sizeClass is the size getBuffer(n) returns for n up to largestPooled, and its pool.
func sizeClass(n int) (size, class int) {
	class = bits.Len(uint(max(n, smallestBuffer)-1)) - 10
	return smallestBuffer << class, class
}

// roundDown is the largest size of a buffer of at most n bytes, or the smallest there is.
func roundDown(n int) int { return 1 << (bits.Len(uint(max(n, smallestBuffer))) - 1) }

// budget limits the bytes that all holders together keep for data that is not
// complete yet.
type budget struct {
	limit int64
	used  atomic.Int64
}

// take reserves n bytes, or reserves nothing and returns false.
func (b *budget) take(n int) bool {
	if b.used.Add(int64(n)) > b.limit {
		b.used.Add(int64(-n))
		return false
	}
	return true
}

// give returns n bytes taken before.
func (b *budget) give(n int) { b.used.Add(int64(-n)) }
