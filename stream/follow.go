package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Bounds of following: a watcher costs the broker no more than this, however much
// is stored.
const (
	followEvery = 200 * time.Millisecond // between looks
	followBytes = 8 << 20                // read at one look; the rest is passed over
)

// Follow calls see for the blocks that a stream stores from sequence from on, in
// order, until ctx ends, which is no error, or see returns one; ErrStop is none.
// from may be 0: what is stored from now on. It waits for a stream that is not there
// yet, and through a broker that is away.
//
// It only watches: it reads by sequence, so that there is no consumer, and nothing
// is sent that nobody asked for. What is stored faster than it may read is passed
// over: then the sequence is more than one above the one before. The message is the
// stream's own, with its time and headers.
func Follow(ctx context.Context, js jetstream.JetStream, name string, from uint64, see func(*jetstream.RawStreamMsg) error) error {
	f := follower{js: js, name: name, see: see, known: from > 0, next: from}
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		if err := f.look(ctx); err != nil {
			if errors.Is(err, ErrStop) || ctx.Err() != nil {
				return nil
			}
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// follower is how far Follow has come.
type follower struct {
	js    jetstream.JetStream
	name  string
	see   func(*jetstream.RawStreamMsg) error
	known bool   // it is decided where to begin
	next  uint64 // sequence to read
	gone  uint64 // sequence that was not to be had at the look before
}

// look reads what is new. Its errors are those of see: whatever the broker cannot
// answer is asked again at the next look.
func (f *follower) look(ctx context.Context) error {
	ask, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	s, err := f.js.Stream(ask, f.name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		f.known, f.next = true, 0 // all of the one that will be made
	}
	if err != nil {
		return nil
	}
	state := s.CachedInfo().State
	switch {
	case !f.known:
		f.known, f.next = true, state.LastSeq+1
	case f.next > state.LastSeq+1: // it was made anew
		f.next = 0
	}
	f.next = max(f.next, state.FirstSeq, 1)
	end := time.Now().Add(followEvery)
	for bytes := 0; f.next <= state.LastSeq; f.next++ {
		if bytes >= followBytes || time.Now().After(end) {
			f.next = state.LastSeq + 1
			return nil
		}
		m, err := s.GetMsg(ask, f.next)
		if errors.Is(err, jetstream.ErrMsgNotFound) && f.gone == f.next {
			continue // no replica that lags behind: it was removed
		}
		if err != nil {
			f.gone = f.next
			return nil
		}
		bytes += len(m.Data)
		if err := f.see(m); err != nil {
			return fmt.Errorf("follow stream %s: %w", f.name, err)
		}
	}
	return nil
}
