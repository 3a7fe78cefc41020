package subscriber

import (
	"context"
	"time"

	"lagermeister/deadletter"
	"lagermeister/heka"
	"lagermeister/heka/encode"
	"lagermeister/heka/matcher"
	"lagermeister/heka/recordid"
	"lagermeister/ledger"
	"lagermeister/sink"
)

// assembler turns blocks into batches. Its goroutine alone owns everything in
// it, so that a record passes without a lock and without an allocation.
type assembler struct {
	spec   *matcher.Spec
	enc    *encode.Encoder
	index  *encode.IndexNamer // nil for sinks without indices
	limits limits
	out    *deliverer

	msg    heka.Message
	hash   recordid.Hasher
	record encode.Record
	head   sink.Record // of the line being written
	names  names
	batch  *batch // being filled; nil when empty
}

// run takes blocks until ctx ends, then sends what has gathered. A nil block
// says that no further record can come before something is delivered. work ends
// when it is time to give up.
func (a *assembler) run(ctx, work context.Context, blocks <-chan *block) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		var due <-chan time.Time
		if a.batch != nil {
			timer.Reset(time.Until(a.batch.due(a.limits)))
			due = timer.C
		}
		ok := true
		select {
		case b := <-blocks:
			if b != nil {
				ok = a.take(work, b)
			} else {
				ok = a.flush(work)
			}
		case <-due:
			ok = a.flush(work)
		case <-ctx.Done():
			a.flush(work)
			return
		}
		if !ok {
			return
		}
	}
}

// take finds the records of b and an outcome for each, or a place in a batch. It
// reports false when work ended first; b then stays without an outcome.
func (a *assembler) take(work context.Context, b *block) bool {
	b.begin()
	filtered, ok := a.records(work, b)
	if !ok {
		return false
	}
	b.end(ledger.Block{Filtered: filtered}, 1)
	return true
}

// records goes over the records of b and returns how many nobody wants.
func (a *assembler) records(work context.Context, b *block) (filtered uint64, ok bool) {
	for index, r := range heka.Records(b.body) {
		index += b.first
		switch {
		case b.other:
			filtered++
			continue
		case r.Body == nil, b.entry.torn() && r.Bare():
			a.bury(work, b, index, r.Raw, deadletter.Letter{ErrorType: deadletter.Undecodable, Reason: deadletter.NoFrame})
			continue
		}
		if err := a.msg.Parse(r.Body); err != nil {
			a.bury(work, b, index, r.Raw, deadletter.Letter{ErrorType: deadletter.Undecodable, Reason: err.Error()})
			continue
		}
		if b.entry == nil && !a.spec.Match(&a.msg) { // a dead letter was wanted once, and is asked for by name
			filtered++
			continue
		}
		a.encode(work, b, index, r.Raw)
		if a.batch != nil && a.batch.full(a.limits) && !a.flush(work) {
			return filtered, false
		}
	}
	return filtered, true
}

// encode appends the message just parsed to the batch; it is the nth of its block.
func (a *assembler) encode(work context.Context, b *block, nth int, raw []byte) {
	if a.batch == nil {
		a.batch = a.out.emptyBatch()
		a.batch.open(time.Now())
	}
	ids := a.hash.Append(a.batch.ids, &a.msg, b.origin, nth)
	a.head = sink.Record{ID: ids[len(a.batch.ids):], Frame: raw}
	a.record = encode.Record{Message: &a.msg, Sequence: b.position, Index: nth, Cut: b.cut}
	if a.index != nil {
		var name []byte
		var ok bool
		name, a.record.ClockSkew = a.index.Name(&a.msg, b.cut)
		if a.head.Index, ok = a.names.intern(name); !ok {
			a.bury(work, b, nth, raw, deadletter.Letter{
				ID:        string(a.head.ID),
				ErrorType: deadletter.IndexLimit,
				Reason:    "index " + string(name) + " would be one new name too many in an hour",
			})
			a.dropIfEmpty()
			return
		}
	}
	buf := a.batch.buf
	if a.out.liner != nil {
		buf = a.out.liner.AppendHead(buf, &a.head)
	}
	doc := len(buf)
	buf = a.enc.Append(buf, &a.record)
	b.expect()
	a.batch.add(ids, buf, doc, a.head, item{b, nth})
}

// flush hands the batch over and reports whether that was possible before work ended.
func (a *assembler) flush(work context.Context) bool {
	if a.batch == nil {
		return true
	}
	full := a.batch
	a.batch = nil
	return a.out.take(work, full)
}

func (a *assembler) dropIfEmpty() {
	if len(a.batch.items) == 0 {
		a.out.recycle(a.batch)
		a.batch = nil
	}
}

// bury makes a dead letter of a record that never gets into a batch.
func (a *assembler) bury(work context.Context, b *block, index int, raw []byte, l deadletter.Letter) {
	b.expect()
	l.Frame = raw
	a.out.bury(work, b, index, l)
}

func (a *assembler) wait(context.Context) { a.out.batches.Wait() }

func (a *assembler) helpers() []func(context.Context) {
	return []func(context.Context){a.out.probe}
}

func (a *assembler) notes() []string { return a.out.gate.words() }

func (a *assembler) notReady() []string {
	if _, paused := a.out.gate.pausedFor(); paused != "" {
		return []string{"sink paused: " + paused}
	}
	return nil
}
