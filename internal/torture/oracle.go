package torture

import (
	"encoding/json"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"
)

// mark says what is known of a number.
type mark uint8

const (
	sent    mark = 1 << iota // has left us, or is about to
	owed                     // must arrive
	refused                  // must not arrive
)

// The demands of the oracle that the report counts.
const (
	demandBulk  = "every owed record is at the bulk sink"
	demandBatch = "every owed record is at the batch sink"
	demandDead  = "all owed poison is a dead letter"
	demandOnce  = "no record is twice at the bulk sink"
	demandSame  = "records arrive as they were sent"
	demandSent  = "nothing arrives that was not sent"
)

// maxExamples bounds the examples kept of each kind of complaint.
const maxExamples = 10

// place is what has arrived of one number at one sink: 16 bytes, so that a run
// of hours fits.
type place struct {
	document uint64 // hash of index and id of the first
	copies   uint16 // documents
	again    uint16 // times one came that was there, both saturate
}

// oracle knows every record that was sent and every one that arrived. Safe for
// concurrent use.
type oracle struct {
	maker
	hash maphash.Seed

	mu      sync.Mutex
	marks   []mark // by number
	next    [2]uint64
	bulk    []place
	batch   []place
	letters map[uint64]int // dead letters by number
	wrong   map[string]*complaint
}

// complaint is a demand that was not met.
type complaint struct {
	Count    int
	Examples []string
}

func newOracle(m maker) *oracle {
	return &oracle{maker: m, hash: maphash.MakeSeed(), letters: map[uint64]int{}, wrong: map[string]*complaint{}}
}

// complain notes that a demand is not met; the examples say on what.
func (o *oracle) complain(demand, format string, args ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.complainLocked(demand, format, args...)
}

func (o *oracle) complainLocked(demand, format string, args ...any) {
	c := o.wrong[demand]
	if c == nil {
		c = &complaint{}
		o.wrong[demand] = c
	}
	c.Count++
	if len(c.Examples) < maxExamples {
		c.Examples = append(c.Examples, fmt.Sprintf(format, args...))
	}
}

// take gives out count numbers, at most chunk, with a uuid or without, and marks
// them as sent. The first is returned, the others follow it.
func (o *oracle) take(count uint64, withUUID bool) (first uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	kind := 0
	if withUUID {
		kind = 1
	}
	if at := o.next[kind]; at%chunk == 0 || at%chunk+count > chunk {
		at = uint64(len(o.marks))
		for ; repeatable(at) != withUUID; at += chunk {
		}
		o.next[kind] = at
		o.marks = append(o.marks, make([]mark, at+chunk-uint64(len(o.marks)))...)
	}
	first = o.next[kind]
	o.next[kind] += count
	for n := first; n < first+count; n++ {
		o.marks[n] |= sent
	}
	return first
}

// add marks count numbers.
func (o *oracle) add(first, count uint64, m mark) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for n := first; n < first+count; n++ {
		o.marks[n] |= m
	}
}

// document is what a sink was given, in either format.
type document struct {
	Message, Payload string
	Host             string `json:"host.name"`
	Hostname         string
	EventID          string `json:"event.id"`
	UUID             string `json:"Uuid"`
}

// arrived checks a document. created is false when exactly this one was there
// before.
func (o *oracle) arrived(at *[]place, name, index, id string, doc []byte) (created bool) {
	var d document
	if err := json.Unmarshal(doc, &d); err != nil {
		o.complain("documents are JSON", "%s: %v in %.200q", name, err, doc)
		return true
	}
	n, ok := o.number(d.Message + d.Payload)
	var diff string
	if ok {
		diff = o.differs(n, d.Message+d.Payload, d.Host+d.Hostname, d.EventID+d.UUID)
	}
	var h maphash.Hash
	h.SetSeed(o.hash)
	h.WriteString(index)
	h.WriteByte(0)
	h.WriteString(id)

	o.mu.Lock()
	defer o.mu.Unlock()
	if !ok || n >= uint64(len(o.marks)) || o.marks[n]&sent == 0 {
		o.complainLocked(demandSent, "%s: %.200q", name, doc)
		return true
	}
	if diff != "" {
		o.complainLocked(demandSame, "%s: record %d: %s", name, n, diff)
	}
	if missing := int(n) + 1 - len(*at); missing > 0 {
		*at = append(*at, make([]place, missing)...)
	}
	p := &(*at)[n]
	if p.copies > 0 && p.document == h.Sum64() {
		p.again = min(p.again+1, 1<<15)
		return false
	}
	if p.copies == 0 {
		p.document = h.Sum64()
	} else if name == bulkSink {
		o.complainLocked(demandOnce, "record %d (uuid: %v), its second document is %s/%s", n, repeatable(n), index, id)
	}
	p.copies = min(p.copies+1, 1<<15)
	return true
}

// isPoison tells whether the bulk sink must refuse a document.
func (o *oracle) isPoison(doc []byte) bool {
	var d document
	if json.Unmarshal(doc, &d) != nil {
		return false
	}
	n, ok := o.number(d.Message)
	return ok && poison(n)
}

const (
	bulkSink  = "bulk sink"
	batchSink = "batch sink"
)

func (o *oracle) takeBulk(index, id string, doc []byte) (created bool) {
	return o.arrived(&o.bulk, bulkSink, index, id, doc)
}

// takeBatch has no ids to go by: each time is the same document.
func (o *oracle) takeBatch(doc []byte) { o.arrived(&o.batch, batchSink, "", "", doc) }

// letter notes a dead letter by its payload.
func (o *oracle) letter(payload, subject string) {
	n, ok := o.number(payload)
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case !ok || n >= uint64(len(o.marks)) || o.marks[n]&sent == 0:
		o.complainLocked(demandSent, "dead letter %s: %.100q", subject, payload)
	case !poison(n):
		o.complainLocked("only poison becomes a dead letter", "record %d is %s", n, subject)
	}
	if ok {
		o.letters[n]++
	}
}

// missing counts owed records that are not yet where they must be: at the bulk
// sink, or as dead letters if they are poison, and at the batch sink. The
// examples are some of their numbers.
func (o *oracle) missing() (bulk, batch, dead int, examples []uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for n, m := range o.marks {
		if m&owed == 0 {
			continue
		}
		before := bulk + batch + dead
		if poison(uint64(n)) {
			if o.letters[uint64(n)] == 0 {
				dead++
			}
		} else if n >= len(o.bulk) || o.bulk[n].copies == 0 {
			bulk++
		}
		if n >= len(o.batch) || o.batch[n].copies == 0 {
			batch++
		}
		if bulk+batch+dead > before && len(examples) < maxExamples {
			examples = append(examples, uint64(n))
		}
	}
	return bulk, batch, dead, examples
}

// totals are the figures of the report.
type totals struct {
	Sent, Owed, Unknown, Refused int
	AtBulk, AtBatch, Letters     int
	BulkAgain, BatchAgain        int // came again and made no second document
}

// judge adds the complaints that only the end can tell, and returns all.
func (o *oracle) judge() (totals, map[string]*complaint) {
	bulk, batch, dead, examples := o.missing()
	o.mu.Lock()
	defer o.mu.Unlock()
	var t totals
	for n, m := range o.marks {
		if m&sent == 0 {
			continue
		}
		t.Sent++
		switch {
		case m&owed != 0:
			t.Owed++
		case m&refused != 0:
			t.Refused++
		default:
			t.Unknown++
		}
		var at, of place
		if n < len(o.bulk) {
			at = o.bulk[n]
		}
		if n < len(o.batch) {
			of = o.batch[n]
		}
		t.AtBulk += int(min(at.copies, 1))
		t.AtBatch += int(min(of.copies, 1))
		t.BulkAgain += int(at.again)
		t.BatchAgain += int(of.again)
		if m&refused != 0 && at.copies+of.copies > 0 {
			o.complainLocked("what must be refused does not arrive", "record %d", n)
		}
		if poison(uint64(n)) && at.copies > 0 {
			o.complainLocked("poison is not at the bulk sink", "record %d", n)
		}
	}
	for n, copies := range o.letters {
		t.Letters++
		if copies > 1 && !repeatable(n) { // a repeat of a client is stored, and refused, for itself
			o.complainLocked("no record is two dead letters", "record %d: %d letters", n, copies)
		}
	}
	for demand, count := range map[string]int{
		demandBulk:  bulk,
		demandBatch: batch,
		demandDead:  dead,
	} {
		if count > 0 {
			o.wrong[demand] = &complaint{Count: count, Examples: []string{fmt.Sprintf("records %v", examples)}}
		}
	}
	return t, o.wrong
}

// demands lists the demands of complaints in order.
func demands(wrong map[string]*complaint) []string {
	var names []string
	for name := range wrong {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
