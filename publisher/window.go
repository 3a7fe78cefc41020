package publisher

import (
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"lagermeister/heka"
	"lagermeister/stream"
)

const (
	maxBlock = 1 << 20
	// reserve is left of max_payload for headers and what the server adds.
	reserve = 4 << 10

	// The window holds this many bytes or this many blocks, whichever is more.
	windowBytes  = 4 << 20
	windowBlocks = 4
	// maxInFlight keeps small messages well below the 100,000 that a stream queues
	// for all its publishers (nats-server, max_buffered_msgs).
	maxInFlight = 2048

	// What is kept for reuse: blocks of the window, and bare messages that are small.
	maxFree     = 6
	maxFreeBare = 4 << 10
)

// block is one NATS message: complete Heka frames, or one bare body.
type block struct {
	n         uint64 // counts the blocks of this publisher from 1, in the order they were cut
	data      []byte
	records   int
	cut       int64 // when it was cut, unix ms
	reply     string
	header    nats.Header
	partial   bool // sent before it was full; one such may be in flight
	forwarded bool // data is somebody else's
	receipts  []*receipt

	delivery // the sender's
}

// receipt is what one call of Append is owed: its parts may lie in several
// blocks. It is guarded by the window's mutex; nil is a call that asks for none.
type receipt struct {
	stored func(error)
	parts  int  // blocks that hold some of it and are not stored
	whole  bool // Append has appended all and returned nil
	called bool
}

// receipts are those that were fulfilled: nothing refers to one any more.
var receipts sync.Pool

func newReceipt(stored func(error)) *receipt {
	if stored == nil {
		return nil
	}
	r, ok := receipts.Get().(*receipt)
	if !ok {
		r = new(receipt)
	}
	*r = receipt{stored: stored}
	return r
}

// fulfil tells the caller of Append that all is durable. The receipt may be used
// again after that: no block holds a part of it, and Append has returned.
func (r *receipt) fulfil() {
	r.stored(nil)
	*r = receipt{}
	receipts.Put(r)
}

func (r *receipt) complete() {
	if r != nil {
		r.whole = true
	}
}

// window is what callers and sender share: the open block, the blocks that are
// cut and not yet taken by the sender, and how much is in flight.
type window struct {
	mu      sync.Mutex
	bare    bool // messages hold one body, without headers
	limit   int  // bytes of a block
	open    *block
	ready   []*block // cut, in order
	next    uint64   // number of the last block cut
	blocks  int      // cut and not stored, and their
	bytes   int      // bytes
	records int64    // not stored, those of the open block too
	partial bool     // a partly filled block is in flight
	held    bool     // the breaker is open: nobody may append
	closed  bool
	waiting int // callers on the slow path
	free    []*block
}

// put appends whole frames to the open block, which has room for them.
func (w *window) put(frames []byte, records int, r *receipt) {
	b := w.open
	if cap(b.data) == 0 {
		b.data = make([]byte, 0, w.limit)
	}
	b.data = append(b.data, frames...)
	b.records += records
	w.records += int64(records)
	b.owe(r)
}

func (b *block) owe(r *receipt) {
	if r != nil {
		r.parts++
		b.receipts = append(b.receipts, r)
	}
}

// fit is how many leading bytes of frames fit in the open block, cut between
// frames, and how many records these are.
func (w *window) fit(frames []byte, records int) (size, n int, err error) {
	room := w.limit - len(w.open.data)
	if len(frames) <= room {
		return len(frames), records, nil
	}
	for size < len(frames) {
		f, err := w.frame(frames, size)
		if err != nil {
			return 0, 0, err
		}
		if size+len(f.Raw) > room {
			break
		}
		size += len(f.Raw)
		n++
	}
	return size, n, nil
}

// frame is the one that starts at frames[at]. It is an error when none does, or
// when it is larger than a block.
func (w *window) frame(frames []byte, at int) (heka.Frame, error) {
	scan := heka.Scanner{MaxMessage: len(frames)}
	f, n, _ := scan.Next(frames[at:])
	if f.Raw == nil || len(f.Raw) != n {
		return f, fmt.Errorf("append %d bytes: no whole frame at byte %d", len(frames), at)
	}
	if len(f.Raw) > w.limit {
		return f, fmt.Errorf("append a frame of %d bytes, a block holds %d: %w", len(f.Raw), w.limit, ErrTooLarge)
	}
	return f, nil
}

// room says whether one more block of size bytes may be in flight.
func (w *window) room(size int) bool {
	return w.blocks < maxInFlight && (w.blocks < windowBlocks || w.bytes+size <= windowBytes)
}

// mayCut says whether the open block may be sent as it is.
func (w *window) mayCut() bool {
	return !w.partial && !w.held && len(w.open.data) > 0 && w.room(len(w.open.data))
}

// cut closes the open block, hands it to the sender and opens the next.
func (w *window) cut(partial bool) {
	b := w.open
	b.partial = partial
	w.partial = w.partial || partial
	b.cut = time.Now().UnixMilli()
	w.records -= int64(b.records) // queue counts them again
	w.queue(b, nil)
	w.open = w.newBlock()
}

// queue numbers a finished block and hands it to the sender.
func (w *window) queue(b *block, r *receipt) {
	w.next++
	b.n = w.next
	b.owe(r)
	w.blocks++
	w.bytes += len(b.data)
	w.records += int64(b.records)
	w.ready = append(w.ready, b)
}

// stored takes a block out of the window and appends to due the receipts that
// are fulfilled with it. The block may be used again after that.
func (w *window) stored(b *block, due []*receipt) []*receipt {
	w.blocks--
	w.bytes -= len(b.data)
	w.records -= int64(b.records)
	if b.partial {
		w.partial = false
	}
	for i, r := range b.receipts {
		b.receipts[i] = nil
		if r.parts--; r.parts == 0 && r.whole && !r.called {
			r.called = true
			due = append(due, r)
		}
	}
	w.recycle(b)
	return due
}

// abandon collects the receipts of a block that is given up at exit.
func (w *window) abandon(b *block, due []*receipt) []*receipt {
	for _, r := range b.receipts {
		if r.whole && !r.called {
			r.called = true
			due = append(due, r)
		}
	}
	return due
}

func (w *window) newBlock() *block {
	if last := len(w.free) - 1; last >= 0 {
		b := w.free[last]
		w.free[last], w.free = nil, w.free[:last]
		return b
	}
	if w.bare {
		return &block{}
	}
	return &block{header: nats.Header{stream.HeaderMsgID: {""}, stream.HeaderRecords: {""}, stream.HeaderCut: {""}}}
}

// recycle keeps a block's memory for the next one.
func (w *window) recycle(b *block) {
	most := maxFree
	if w.bare {
		most = maxInFlight
	}
	if b.forwarded || len(w.free) >= most || w.bare && cap(b.data) > maxFreeBare {
		return
	}
	*b = block{data: b.data[:0], header: b.header, receipts: b.receipts[:0]}
	w.free = append(w.free, b)
}
