// Package sink holds the words that subscribers and sinks share: what a sink
// is given, what it answers, and what an answer means.
//
// A sink makes attempts and nothing else. Whether and when an attempt is
// repeated, halved or held back, and what becomes of refused records, is
// decided by the subscriber, from the Results and the Error of the attempt.
//
// The promise: a record counts as delivered only when the far end has said so
// for this very record. An answer that is late, cut, not understood, or that
// does not fit the request says nothing, and the records are sent again.
//
// The package imports the standard library only.
package sink

import "context"

// Record is one record on its way out. Its slices belong to the subscriber and
// are valid until Send returns; a sink neither keeps nor changes them.
type Record struct {
	ID    []byte // 44 hex digits, the same at each attempt; needs no JSON escaping
	Index []byte // index name, [a-z0-9._-]; empty for sinks without indices
	Doc   []byte // one JSON object without a newline
	Frame []byte // the original Heka frame, or bare message, for sinks that keep it

	// Line is the record as it stands in a request of a Liner: AppendHead's bytes,
	// Doc, a newline. Lines of neighbours may stand side by side in memory. It is
	// empty when nobody has made it; the sink then does.
	Line []byte
}

// Liner is a Sink whose requests are lines that each belong to one record. Who
// encodes for it may write them as they will be sent, so that the sink need not
// copy documents.
type Liner interface {
	Sink
	// AppendHead appends what stands in front of a record's document. It looks at
	// all of r but Doc and Line. It may be called concurrently.
	AppendHead(dst []byte, r *Record) []byte
}

// Sink delivers batches. Its methods may be called concurrently.
type Sink interface {
	// Send makes one attempt to deliver batch and fills results, which has the
	// same length; what was in results before does not matter.
	//
	// After nil every record has a final outcome: none is Retry. Otherwise the
	// error is an *Error and says what to do with those records that are still
	// Retry, which may be all; the others are final. When ctx ends, the error
	// wraps its cause.
	Send(ctx context.Context, batch []Record, results []Result) error

	// Probe asks, without sending a record, whether an attempt is worth making
	// after an Error of class Pause. nil promises nothing more than that.
	Probe(ctx context.Context) error

	// Name is a fixed word for logs, metrics and dead letters.
	Name() string
}
