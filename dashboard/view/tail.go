package view

import (
	"context"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/dashboard/live"
	"lagermeister/stream"
)

// Tail calls take for every block that is stored in a main stream from now on,
// one at a time, until ctx ends; the block is take's until it returns. Which
// streams there are is asked once.
func (v *View) Tail(ctx context.Context, take func(*live.Block)) error {
	names, err := stream.Mains(ctx, v.js)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return fmt.Errorf("no stream has a group that reads it, so there is none to follow")
	}
	var mu sync.Mutex // of take
	var following sync.WaitGroup
	for _, name := range names {
		following.Go(func() {
			// It ends with ctx; what is called has no errors.
			_ = stream.Follow(ctx, v.js, name, 0, func(m *jetstream.RawStreamMsg) error {
				mu.Lock()
				defer mu.Unlock()
				take(&live.Block{Stream: name, Sequence: m.Sequence, Cut: stream.CutTime(m.Header.Get(stream.HeaderCut), m.Time), Data: m.Data})
				return nil
			})
		})
	}
	following.Wait()
	return nil
}
