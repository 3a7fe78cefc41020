package subscriber

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"lagermeister/ledger"
)

// block is one stored message from its arrival to its ack. A replay is one too:
// a run of records that once stood in a block of the stream.
type block struct {
	from     reader
	seq      uint64    // of the message, among those of its reader
	position uint64    // sequence of the block the records stand in; 0: not known
	first    int       // index there of the first record
	origin   string    // what ids of records without uuid are made from
	cut      time.Time // when it was cut, or stored if nobody says
	cutMs    string    // the same as the header has it
	other    bool      // its subject is not the one we are to read
	replayed bool      // tells nothing about the group's lag
	entry    *entry    // of a replay that is a dead letter
	header   nats.Header
	body     []byte

	left atomic.Int64 // records without an outcome, and one for the walk over them

	mu    sync.Mutex
	tally ledger.Block

	// Owned by held.
	cost    int64  // bytes it counts for
	reply   string // where the ack goes
	settled bool   // the settlement is stored, only the ack may be missing
}

// begin counts the walk itself, so that a block does not end while its records
// are still being found.
func (b *block) begin() { b.left.Store(1) }

// expect counts one more record without an outcome.
func (b *block) expect() { b.left.Add(1) }

// end counts n records down, or the walk, and adds their outcomes. The last one
// settles the block.
func (b *block) end(t ledger.Block, n int64) {
	b.from.count(t)
	b.mu.Lock()
	b.tally.Delivered += t.Delivered
	b.tally.Already += t.Already
	b.tally.Filtered += t.Filtered
	b.tally.Repaired += t.Repaired
	b.tally.Dead += t.Dead
	b.mu.Unlock()
	if b.left.Add(-n) > 0 {
		return
	}
	total := b.tally // nobody else is left
	total.Sequence = b.seq
	total.Records = total.Delivered + total.Filtered + total.Dead
	b.from.settle(b, total)
}

// place is where a block stands in what a member reads.
type place struct {
	from reader
	seq  uint64
}

// held is every block that this member has got and not yet acknowledged.
type held struct {
	mu      sync.Mutex
	blocks  map[place]*block
	bytes   int64
	changed chan struct{} // closed and replaced when bytes fall
}

func newHeld() *held {
	return &held{blocks: map[place]*block{}, changed: make(chan struct{})}
}

// add takes b in and returns nil. A block that is here already is a redelivery:
// it is returned, as it was, and will answer to the new delivery from now on.
func (h *held) add(b *block) (known *block, settled bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := place{b.from, b.seq}
	if known := h.blocks[at]; known != nil {
		known.reply = b.reply
		return known, known.settled
	}
	h.blocks[at] = b
	b.cost = int64(len(b.body)) + 512
	h.bytes += b.cost
	return nil, false
}

// settle marks a block as settled and returns where its ack goes.
func (h *held) settle(from reader, seq uint64) (b *block, reply string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	b = h.blocks[place{from, seq}]
	if b == nil {
		return nil, ""
	}
	b.settled = true
	return b, b.reply
}

// remove lets go of a block whose ack is on its way, and returns where other
// answers to it go.
func (h *held) remove(b *block) (reply string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := place{b.from, b.seq}
	if h.blocks[at] == b {
		delete(h.blocks, at)
		h.bytes -= b.cost
		close(h.changed)
		h.changed = make(chan struct{})
	}
	return b.reply
}

// each calls f for every block with its present delivery, not under the lock.
func (h *held) each(f func(b *block, reply string, settled bool)) {
	type one struct {
		b       *block
		reply   string
		settled bool
	}
	h.mu.Lock()
	all := make([]one, 0, len(h.blocks))
	for _, b := range h.blocks {
		all = append(all, one{b, b.reply, b.settled})
	}
	h.mu.Unlock()
	for _, o := range all {
		f(o.b, o.reply, o.settled)
	}
}

// size is the number of blocks held, and of their bytes.
func (h *held) size() (blocks int, bytes int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.blocks), h.bytes
}

// oldest is when the oldest unsettled block of a stream was cut, zero without any.
func (h *held) oldest() (t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, b := range h.blocks {
		if !b.settled && !b.replayed && (t.IsZero() || b.cut.Before(t)) {
			t = b.cut
		}
	}
	return t
}

// room waits until less than limit bytes are held, and returns how many are
// free. full is called once before it waits.
func (h *held) room(ctx context.Context, limit int64, full func()) (free int64, err error) {
	for {
		h.mu.Lock()
		free, changed := limit-h.bytes, h.changed
		h.mu.Unlock()
		if free > 0 {
			return free, ctx.Err()
		}
		full()
		select {
		case <-changed:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}
