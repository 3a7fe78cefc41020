// Package instream reads single stored messages of the streams, for the search
// endpoint that shows a record as it was received. It asks for them directly by
// sequence: no consumer is made and nothing moves.
package instream

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/ledger"
	"lagermeister/search"
	"lagermeister/stream"
)

// Reader is a search.Blocks.
type Reader struct{ js jetstream.JetStream }

// New returns a reader of all streams that have groups of ours.
func New(js jetstream.JetStream) *Reader { return &Reader{js} }

// Blocks is part of search.Blocks.
func (r *Reader) Blocks(ctx context.Context, name string, sequence uint64) (list []search.Block, err error) {
	names := []string{name}
	if name == "" {
		if names, err = ledger.Streams(ctx, r.js); err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		s, err := r.js.Stream(ctx, name)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			continue // it is gone, only its settlements are left
		}
		if err != nil {
			return nil, fmt.Errorf("look up stream %s: %w", name, err)
		}
		msg, err := s.GetMsg(ctx, sequence)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read block %d of stream %s: %w", sequence, name, err)
		}
		created := s.CachedInfo().Created.UnixNano()
		list = append(list, search.Block{
			Stream: name, Stored: msg.Time.UTC(), Data: msg.Data,
			Origin: stream.Origin(msg.Header.Get(stream.HeaderMsgID), name, created, sequence),
		})
	}
	return list, nil
}
