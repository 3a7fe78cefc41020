package stream_test

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

func TestAPauseOutlivesItsServerAndTheStartOfAMember(t *testing.T) {
	t.Parallel()
	dir, ctx := t.TempDir(), streamtest.Context(t)
	until := time.Now().Add(time.Hour)
	for life := range 2 {
		server := streamtest.Server(t, streamtest.Store(dir))
		js := streamtest.JetStream(t, streamtest.Connect(t, server))
		if life == 0 {
			if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "s", Subjects: []string{"s"}}); err != nil {
				t.Fatal(err)
			}
			if _, _, _, err := stream.EnsureConsumer(ctx, js, "s", "g", stream.StartOptions{}, quiet()); err != nil {
				t.Fatal(err)
			}
			if err := stream.PauseGroup(ctx, js, "s", "g", until); err != nil {
				t.Fatal(err)
			}
		}
		c, _, _, err := stream.EnsureConsumer(ctx, js, "s", "g", stream.StartOptions{}, quiet())
		if err != nil {
			t.Fatal(err)
		}
		if info := c.CachedInfo(); !info.Paused || !info.Config.PauseUntil.Equal(until) {
			t.Errorf("life %d: paused %v until %v, want until %v", life, info.Paused, info.Config.PauseUntil, until)
		}
		server.Shutdown()
	}
}

func TestWhatIsNotAcknowledgedComesAgainOnlyAfterThePause(t *testing.T) {
	t.Parallel()
	_, js := streamtest.New(t)
	ctx := streamtest.Context(t)
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "s", Subjects: []string{"s"}}); err != nil {
		t.Fatal(err)
	}
	c, err := js.CreateConsumer(ctx, "s", jetstream.ConsumerConfig{Durable: "g", AckPolicy: jetstream.AckExplicitPolicy, AckWait: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(ctx, "s", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Next(); err != nil {
		t.Fatal(err)
	}
	if err := stream.PauseGroup(ctx, js, "s", "g", time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Next(jetstream.FetchMaxWait(time.Second)); err == nil { // ten times as long as it may go unacknowledged
		t.Error("delivered while paused")
	}
	if err := stream.PauseGroup(ctx, js, "s", "g", time.Time{}); err != nil {
		t.Fatal(err)
	}
	m, err := c.Next(jetstream.FetchMaxWait(streamtest.Timeout))
	if err != nil {
		t.Fatal(err)
	}
	if meta, err := m.Metadata(); err != nil || meta.NumDelivered < 2 {
		t.Errorf("after the pause: %+v, %v", meta, err)
	}
}

func TestAGroupThatIsNotThereCannotBePaused(t *testing.T) {
	t.Parallel()
	_, js := streamtest.New(t)
	ctx := streamtest.Context(t)
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "s", Subjects: []string{"s"}}); err != nil {
		t.Fatal(err)
	}
	for _, until := range []time.Time{{}, time.Now().Add(time.Hour)} {
		if err := stream.PauseGroup(ctx, js, "s", "g", until); !errors.Is(err, jetstream.ErrConsumerNotFound) {
			t.Error(err)
		}
	}
}
