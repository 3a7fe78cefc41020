package subscriber

import (
	"time"

	"lagermeister/sink"
)

// limits say when a batch is full.
type limits struct {
	records int
	bytes   int
	age     time.Duration
}

// item tells where a record of a batch comes from.
type item struct {
	block *block
	index int
}

// batch collects encoded records. Ids and documents stand one after the other in
// one buffer, which is reused, so that a record costs no allocation.
//
// It is pure: time is passed in.
type batch struct {
	buf     []byte
	spans   []span
	items   []item
	records []sink.Record
	results []sink.Result
	opened  time.Time
}

// span is where the id and the document of a record lie in the buffer: slices
// would point to an old buffer once it has grown.
type span struct{ id, doc, end int }

// open empties b and sets the time its age counts from.
func (b *batch) open(now time.Time) {
	b.buf, b.spans, b.items, b.records = b.buf[:0], b.spans[:0], b.items[:0], b.records[:0]
	b.opened = now
}

// add takes over buf, which is b.buf with a record appended to it: its id from
// id on, its document from doc on.
func (b *batch) add(buf []byte, id, doc int, index, frame []byte, it item) {
	b.buf = buf
	b.spans = append(b.spans, span{id, doc, len(buf)})
	b.records = append(b.records, sink.Record{Index: index, Frame: frame})
	b.items = append(b.items, it)
}

func (b *batch) full(l limits) bool { return len(b.items) >= l.records || len(b.buf) >= l.bytes }

// due is when b has to be sent even if it is not full.
func (b *batch) due(l limits) time.Time { return b.opened.Add(l.age) }

// part is some of a batch's records on their way; the slices run in parallel.
type part struct {
	records []sink.Record
	items   []item
	results []sink.Result
}

// seal ends the filling and returns all records.
func (b *batch) seal() part {
	for i, s := range b.spans {
		b.records[i].ID = b.buf[s.id:s.doc:s.doc]
		b.records[i].Doc = b.buf[s.doc:s.end:s.end]
	}
	if cap(b.results) < len(b.items) {
		b.results = make([]sink.Result, len(b.items), cap(b.items))
	}
	b.results = b.results[:len(b.items)]
	return part{b.records, b.items, b.results}
}

func (p part) len() int { return len(p.items) }

// halves splits p; the first half is not empty when p has more than one record.
func (p part) halves() (part, part) {
	n := (p.len() + 1) / 2
	return part{p.records[:n], p.items[:n], p.results[:n]}, part{p.records[n:], p.items[n:], p.results[n:]}
}

// keep moves the records for which wanted is true to the front, in their order,
// and returns them.
func (p part) keep(wanted func(i int) bool) part {
	n := 0
	for i := range p.items {
		if wanted(i) {
			p.records[n], p.items[n], p.results[n] = p.records[i], p.items[i], p.results[i]
			n++
		}
	}
	return part{p.records[:n], p.items[:n], p.results[:n]}
}
