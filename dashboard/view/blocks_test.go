package view_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/sirupsen/logrus"

	"lagermeister/dashboard/view"
	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

func TestBlocksAreReadWithoutAConsumer(t *testing.T) {
	t.Parallel()
	nc, js := streamtest.New(t)
	ctx := streamtest.Context(t)
	cfg := stream.Config{StreamReplicas: 1, StreamMaxBytes: 16 << 20, DuplicateWindow: time.Minute, WhenFull: stream.WhenFullRefuse}
	for _, subject := range []string{"one", "two"} {
		cfg.Subject = subject
		name, err := stream.Ensure(ctx, js, cfg, logrus.New())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream.EnsureDead(ctx, js, name, cfg, logrus.New()); err != nil {
			t.Fatal(err)
		}
		msg := nats.NewMsg(subject)
		msg.Header.Set(stream.HeaderMsgID, "run-1")
		msg.Data = []byte("block of " + subject)
		if _, err := js.PublishMsg(ctx, msg); err != nil {
			t.Fatal(err)
		}
		if subject == "two" {
			if _, err := js.Publish(ctx, subject, []byte("no id")); err != nil {
				t.Fatal(err)
			}
		}
	}
	v := view.New(nc, js)
	for _, c := range []struct {
		stream   string
		sequence uint64
		want     int
	}{{"", 1, 2}, {"one", 1, 1}, {"", 2, 1}, {"", 3, 0}, {"one", 2, 0}, {"three", 1, 0}, {"", 1 << 62, 0}} {
		list, err := v.Blocks(ctx, c.stream, c.sequence)
		if err != nil || len(list) != c.want {
			t.Errorf("%+v: %+v, %v", c, list, err)
		}
		for _, b := range list {
			if c.sequence == 1 && (string(b.Data) != "block of "+b.Stream || b.Origin != "run-1" || b.Stored.IsZero()) {
				t.Errorf("%+v: %+v", c, b)
			}
			if c.sequence == 2 && b.Origin[:4] != "two/" {
				t.Errorf("origin %q without an id", b.Origin)
			}
		}
	}
	for _, name := range []string{"a.b", "*", "a b"} {
		if list, err := v.Blocks(ctx, name, 1); len(list) > 0 || err != nil {
			t.Errorf("stream %q: %v, %v", name, list, err)
		}
	}
	for _, name := range []string{"one", "two"} {
		s, err := js.Stream(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		if n := s.CachedInfo().State.Consumers; n != 0 {
			t.Errorf("stream %s has %d consumers", name, n)
		}
	}
}
