package view

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/ledger"
	"lagermeister/search"
	"lagermeister/stream"
)

// Blocks is part of search.Blocks: it reads single stored messages of the streams
// that have groups of ours, by their sequence.
func (v *View) Blocks(ctx context.Context, name string, sequence uint64) (list []search.Block, err error) {
	names := []string{name}
	if name == "" {
		if names, err = ledger.Streams(ctx, v.js); err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		s, err := v.js.Stream(ctx, name)
		if errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, jetstream.ErrInvalidStreamName) {
			continue // it is gone, only its settlements are left; or somebody made the name up
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
