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
func follow(t *testing.T, js jetstream.JetStream, name string) (seen *atomic.Int64, stop func() []uint64) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	seen = new(atomic.Int64)
	var list []uint64
	ended := make(chan error, 1)
	go func() {
		ended <- stream.Follow(ctx, js, name, 0, func(m *jetstream.RawStreamMsg) error {
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

func TestFollowingShowsWhatIsStoredFromNowOnAndMovesNothing(t *testing.T) {
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
	publish() // before anybody follows: not shown
	seen, stop := follow(t, js, name)
	for before := int64(-1); before < 10; before = seen.Load() { // it begins within some of these
		publish()
		streamtest.Eventually(t, "blocks are seen, or none since following has not begun", func() bool { return seen.Load() > before })
	}
	list := stop()
	for i, seq := range list {
		if seq < 2 || i > 0 && seq != list[i-1]+1 {
			t.Fatalf("seen %v: expected each once, in order, from 2 on at the earliest", list)
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
	seen, stop := follow(t, js, "app_logs")
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
