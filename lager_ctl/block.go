package main

import (
	"iter"

	"lagermeister/heka"
)

// piece is one record as it is stored: a frame, a bare message, or bytes that
// are neither and so have no body.
type piece struct {
	raw, body []byte
	bare      bool
}

// pieces yields the records of a stored message, which is a block of frames or
// one bare message. Each byte belongs to one record, those between frames too,
// so that the n-th piece is the record of index n ("Blocks" in docs/wire-format.md).
func pieces(stored []byte) iter.Seq[piece] {
	return func(yield func(piece) bool) {
		if len(stored) == 0 || stored[0] != heka.RecordSeparator {
			p := piece{raw: stored, bare: true}
			if len(stored) > 0 {
				p.body = stored
			}
			yield(p)
			return
		}
		// What claims to be longer than the block is no frame.
		scan := heka.Scanner{MaxMessage: len(stored)}
		for rest := stored; len(rest) > 0; {
			f, n, _ := scan.Next(rest)
			gap := n - len(f.Raw)
			if f.Raw == nil {
				gap, n = len(rest), len(rest)
			}
			if gap > 0 && !yield(piece{raw: rest[:gap]}) {
				return
			}
			if f.Raw != nil && !yield(piece{raw: f.Raw, body: f.Body}) {
				return
			}
			rest = rest[n:]
		}
	}
}
