package subscriber

import "lagermeister/heka"

// walker goes over the records of one stored message, which is a block of frames
// or one bare message; a record separator can never begin the latter.
//
// Every byte belongs to exactly one record: to a frame, or to the bytes that are
// no frame up to the next one ("Blocks" in docs/wire-format.md). A message
// without bytes is one record too, so that it gets an outcome.
type walker struct {
	scan  heka.Scanner
	rest  []byte
	found heka.Frame // found behind garbage by the last call
	bare  bool
}

// piece is one record as it is stored. A piece that is not whole has no body.
type piece struct {
	raw   []byte
	body  []byte
	whole bool
}

func (w *walker) reset(message []byte) {
	w.rest, w.found = message, heka.Frame{}
	w.bare = len(message) == 0 || message[0] != heka.RecordSeparator
	// A frame cannot be longer than the message around it; what claims to be
	// is no frame, and must not hide those behind it.
	w.scan = heka.Scanner{MaxMessage: max(len(message), 1)}
}

// next returns the records in order, false behind the last.
func (w *walker) next() (piece, bool) {
	switch {
	case w.found.Raw != nil:
		f := w.found
		w.found = heka.Frame{}
		return piece{f.Raw, f.Body, true}, true
	case w.bare:
		w.bare = false
		p := piece{raw: w.rest, body: w.rest, whole: len(w.rest) > 0}
		w.rest = nil
		return p, true
	case len(w.rest) == 0:
		return piece{}, false
	}
	f, n, _ := w.scan.Next(w.rest)
	if f.Raw == nil {
		p := piece{raw: w.rest}
		w.rest = nil
		return p, true
	}
	gap := w.rest[:n-len(f.Raw)]
	w.rest = w.rest[n:]
	if len(gap) > 0 {
		w.found = f
		return piece{raw: gap}, true
	}
	return piece{f.Raw, f.Body, true}, true
}
