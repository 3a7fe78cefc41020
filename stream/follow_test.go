package stream_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

// follow collects the sequences that Follow sees; stop ends it and returns them.
func follow(t *testing.T, js jetstream.JetStream, name string, from uint64) (seen *atomic.Int64, stop func() []uint64) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	seen = new(atomic.Int64)
	var list []uint64
	ended := make(chan error, 1)
	go func() {
		ended <- stream.Follow(ctx, js, name, from, func(m *jetstream.RawStreamMsg) error {
			list = append(list, m.Sequence)
			seen.Add(1)
			return nil
		})
	}()
	return seen, func() []uint64 {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		return list
	}
}

func TestFollowingShowsEachBlockOnceAndMovesNothing(t *testing.T) {
	t.Parallel()
	_, js := streamtest.New(t)
	ctx := streamtest.Context(t)
	name, err := stream.Ensure(ctx, js, settings(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	publish := func() {
		t.Helper()
		if _, err := js.Publish(ctx, "app.logs", []byte("block")); err != nil {
			t.Fatal(err)
		}
	}
	publish() // before what is asked for: not shown
	const last = 11
	seen, stop := follow(t, js, name, 2)
	for range last - 1 {
		publish()
	}
	streamtest.Eventually(t, "all blocks are seen", func() bool { return seen.Load() >= last-1 })
	for i, seq := range stop() {
		if seq != uint64(i)+2 {
			t.Fatalf("block %d is the %d. to be seen: expected each from 2 on once, in order", seq, i+1)
		}
	}
	s, err := js.Stream(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	if n := s.CachedInfo().State.Consumers; n != 0 {
		t.Errorf("following made %d consumers", n)
	}
}

func TestFollowingWaitsForTheStreamAndGoesOnWithItsSuccessor(t *testing.T) {
	t.Parallel()
	_, js := streamtest.New(t)
	ctx := streamtest.Context(t)
	seen, stop := follow(t, js, "app_logs", 0)
	for life := range int64(2) {
		if _, err := stream.Ensure(ctx, js, settings(), quiet()); err != nil {
			t.Fatal(err)
		}
		for seen.Load() <= life { // the follower may not have noticed the new one yet
			if _, err := js.Publish(ctx, "app.logs", []byte("block")); err != nil {
				t.Fatal(err)
			}
		}
		if err := js.DeleteStream(ctx, "app_logs"); err != nil {
			t.Fatal(err)
		}
	}
	stop()
}
