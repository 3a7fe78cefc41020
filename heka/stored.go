package heka

import "iter"

// Stored is one record as it stands in a stored message: a frame, a bare message,
// or bytes that are neither. Both slices share the memory of the stored message.
type Stored struct {
	Raw  []byte // all its bytes
	Body []byte // the message in it, not yet decoded; nil: there is none
}

// Bare says that the record was stored without a frame.
func (s Stored) Bare() bool { return s.Body != nil && s.Raw[0] != RecordSeparator }

// Records yields the records of one stored message with their index: of a block
// of frames or of one bare message, which a record separator can never begin.
//
// Every byte belongs to exactly one record: to a frame, or to the bytes that are
// no frame up to the next one ("A block" in docs/wire-format.md). A message
// without bytes is one record too, so that it gets an outcome.
func Records(stored []byte) iter.Seq2[int, Stored] {
	return func(yield func(int, Stored) bool) {
		if len(stored) == 0 || stored[0] != RecordSeparator {
			bare := Stored{Raw: stored}
			if len(stored) > 0 {
				bare.Body = stored
			}
			yield(0, bare)
			return
		}
		// A frame cannot be longer than the message around it; what claims to be
		// is no frame, and must not hide those behind it.
		scan := Scanner{MaxMessage: len(stored)}
		index := 0
		for rest := stored; len(rest) > 0; {
			f, n, _ := scan.Next(rest)
			gap := n - len(f.Raw)
			if f.Raw == nil {
				gap, n = len(rest), len(rest)
			}
			if gap > 0 {
				if !yield(index, Stored{Raw: rest[:gap:gap]}) {
					return
				}
				index++
			}
			if f.Raw != nil {
				if !yield(index, Stored{f.Raw, f.Body}) {
					return
				}
				index++
			}
			rest = rest[n:]
		}
	}
}
