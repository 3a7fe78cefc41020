package stream_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

func TestNewGroupStartsWhereItsOptionsSay(t *testing.T) {
	t.Parallel()
	_, js := streamtest.New(t)
	ctx := streamtest.Context(t)
	for _, name := range []string{"empty", "full", "trimmed", "purged"} {
		if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: name, Subjects: []string{name}}); err != nil {
			t.Fatal(err)
		}
		if name == "empty" {
			continue
		}
		for range 10 {
			if _, err := js.Publish(ctx, name, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, below := range map[string]uint64{"trimmed": 5, "purged": 11} {
		s, err := js.Stream(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Purge(ctx, jetstream.WithPurgeSequence(below)); err != nil {
			t.Fatal(err)
		}
	}
	long := time.Hour
	for name, c := range map[string]struct {
		start                        stream.StartOptions
		empty, full, trimmed, purged uint64
	}{
		"new":        {stream.StartOptions{}, 1, 11, 11, 11},
		"first":      {stream.StartOptions{AllByDefault: true}, 1, 1, 5, 11},
		"all":        {stream.StartOptions{DeliverAll: true}, 1, 1, 5, 11},
		"last":       {stream.StartOptions{DeliverLast: true}, 1, 10, 10, 11},
		"seq":        {stream.StartOptions{StartSeq: 7}, 1, 7, 7, 11},
		"seq-low":    {stream.StartOptions{StartSeq: 2}, 1, 2, 5, 11},
		"seq-beyond": {stream.StartOptions{StartSeq: 100}, 1, 11, 11, 11},
		"delta-long": {stream.StartOptions{StartDelta: long}, 1, 1, 5, 11},
		"delta":      {stream.StartOptions{StartDelta: 1}, 1, 11, 11, 11},
		"precedence": {stream.StartOptions{StartSeq: 7, DeliverLast: true, DeliverAll: true, StartDelta: long}, 1, 7, 7, 11},
	} {
		for s, want := range map[string]uint64{"empty": c.empty, "full": c.full, "trimmed": c.trimmed, "purged": c.purged} {
			consumer, _, baseline, err := stream.EnsureConsumer(ctx, js, s, name, c.start, quiet())
			if err != nil {
				t.Fatal(err)
			}
			cfg := consumer.CachedInfo().Config
			if baseline != want || cfg.OptStartSeq != want || cfg.DeliverPolicy != jetstream.DeliverByStartSequencePolicy {
				t.Errorf("%s on the %s stream starts at %d, want %d", name, s, baseline, want)
			}
			if cfg.AckWait != time.Minute || cfg.MaxAckPending != 20_000 || cfg.MaxDeliver != -1 || cfg.AckPolicy != jetstream.AckExplicitPolicy {
				t.Errorf("created as %+v", cfg)
			}
		}
	}
}

func TestExistingGroupResumes(t *testing.T) {
	t.Parallel()
	_, js := streamtest.New(t)
	ctx := streamtest.Context(t)
	if _, err := stream.Ensure(ctx, js, settings(), quiet()); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if _, err := js.Publish(ctx, "app.logs", nil); err != nil {
			t.Fatal(err)
		}
	}
	all := stream.StartOptions{DeliverAll: true}
	c, epoch, _, err := stream.EnsureConsumer(ctx, js, "app_logs", "es.group", all, quiet())
	if err != nil {
		t.Fatal(err)
	}
	if name := c.CachedInfo().Name; name != "es_group" {
		t.Errorf("named %q", name)
	}
	m, err := c.Next()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.DoubleAck(ctx); err != nil {
		t.Fatal(err)
	}
	// Somebody changed what may be changed; other options are asked for.
	if _, err := js.UpdateConsumer(ctx, "app_logs", func() jetstream.ConsumerConfig {
		cfg := c.CachedInfo().Config
		cfg.MaxAckPending = 1
		return cfg
	}()); err != nil {
		t.Fatal(err)
	}
	c, again, baseline, err := stream.EnsureConsumer(ctx, js, "app_logs", "es.group", stream.StartOptions{StartSeq: 4}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	info := c.CachedInfo()
	if again != epoch || baseline != 1 || info.AckFloor.Stream != 1 || info.Config.MaxAckPending != 20_000 {
		t.Errorf("epoch %d then %d, baseline %d, acknowledged to %d, %d may be pending", epoch, again, baseline, info.AckFloor.Stream, info.Config.MaxAckPending)
	}
	if err := js.DeleteConsumer(ctx, "app_logs", "es_group"); err != nil {
		t.Fatal(err)
	}
	_, fresh, _, err := stream.EnsureConsumer(ctx, js, "app_logs", "es.group", all, quiet())
	if err != nil || fresh <= epoch {
		t.Errorf("epoch of the second life %d, of the first %d (%v)", fresh, epoch, err)
	}
}

func TestConsumerMadeForSomethingElseIsRefused(t *testing.T) {
	t.Parallel()
	_, js := streamtest.New(t)
	ctx := streamtest.Context(t)
	if _, err := stream.Ensure(ctx, js, settings(), quiet()); err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]jetstream.ConsumerConfig{
		"noack":    {Durable: "noack", AckPolicy: jetstream.AckNonePolicy},
		"filtered": {Durable: "filtered", AckPolicy: jetstream.AckExplicitPolicy, FilterSubject: "app.logs"},
	} {
		if _, err := js.CreateConsumer(ctx, "app_logs", cfg); err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := stream.EnsureConsumer(ctx, js, "app_logs", name, stream.StartOptions{}, quiet()); exitCode(err) != 78 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := js.CreatePushConsumer(ctx, "app_logs", jetstream.ConsumerConfig{Durable: "push", DeliverSubject: "d", AckPolicy: jetstream.AckExplicitPolicy}); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := stream.EnsureConsumer(ctx, js, "app_logs", "push", stream.StartOptions{}, quiet()); exitCode(err) != 78 {
		t.Errorf("push: %v", err)
	}
	if _, _, _, err := stream.EnsureConsumer(ctx, js, "missing", "g", stream.StartOptions{}, quiet()); exitCode(err) != 69 {
		t.Errorf("missing stream: %v", err)
	}
}

func TestMain(m *testing.M) { streamtest.Main(m) }

func TestTheEpochOfAGroupSurvivesItsServer(t *testing.T) {
	t.Parallel()
	dir, ctx := t.TempDir(), streamtest.Context(t)
	var first int64
	for range 3 {
		server := streamtest.Server(t, streamtest.Store(dir))
		js := streamtest.JetStream(t, streamtest.Connect(t, server))
		if _, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: "s", Subjects: []string{"s"}}); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			_, epoch, _, err := stream.EnsureConsumer(ctx, js, "s", "g", stream.StartOptions{}, quiet())
			if err != nil {
				t.Fatal(err)
			}
			if first == 0 {
				first = epoch
			}
			if epoch != first {
				t.Errorf("epoch %d, at first %d", epoch, first)
			}
		}
		server.Shutdown()
	}
}
