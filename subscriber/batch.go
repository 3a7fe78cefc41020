package subscriber

import (
	"time"

	"lagermeister/heka/recordid"
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

// batch collects encoded records. Their ids stand one after the other in one
// buffer, their lines (see sink.Record) in another; both are reused, so that a
// record costs no allocation.
//
// It is pure: time is passed in.
type batch struct {
	ids     []byte // recordid.Size bytes each
	buf     []byte
	size    int // bytes of ids and documents
	spans   []span
	items   []item
	records []sink.Record
	results []sink.Result
	opened  time.Time
}

// span is where the line and the document of a record lie in the buffer: slices
// would point to an old buffer once it has grown.
type span struct{ line, doc, end int }

// open empties b and sets the time its age counts from.
func (b *batch) open(now time.Time) {
	b.ids, b.buf, b.size = b.ids[:0], b.buf[:0], 0
	b.spans, b.items, b.records = b.spans[:0], b.items[:0], b.records[:0]
	b.opened = now
}

// add takes over ids and buf, which are those of b with a record appended: its
// id, and its document from doc on, behind what else its line begins with. r is
// the record without the parts that lie in them.
func (b *batch) add(ids, buf []byte, doc int, r sink.Record, it item) {
	b.size += len(ids) - len(b.ids) + len(buf) - doc
	b.spans = append(b.spans, span{len(b.buf), doc, len(buf)})
	b.ids, b.buf = ids, append(buf, '\n')
	b.records = append(b.records, r)
	b.items = append(b.items, it)
}

// memory is the number of bytes that b holds on its way.
func (b *batch) memory() int { return len(b.ids) + len(b.buf) }

func (b *batch) full(l limits) bool { return len(b.items) >= l.records || b.size >= l.bytes }

// due is when b has to be sent even if it is not full.
func (b *batch) due(l limits) time.Time { return b.opened.Add(l.age) }

// part is some of a batch's records on their way; the slices run in parallel.
type part struct {
	records []sink.Record
	items   []item
	results []sink.Result
}

// seal ends the filling and returns all records, with their lines if these are
// what the sink sends.
func (b *batch) seal(lines bool) part {
	for i, s := range b.spans {
		r := &b.records[i]
		r.ID = b.ids[i*recordid.Size : (i+1)*recordid.Size]
		r.Doc = b.buf[s.doc:s.end:s.end]
		if lines {
			r.Line = b.buf[s.line : s.end+1]
		}
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
