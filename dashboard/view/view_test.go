package view

import (
	"context"
	"encoding/json"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"

	"lagermeister/dashboard/live"
	"lagermeister/heka"
	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

func quiet() logrus.FieldLogger {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return log
}

// filled is a server with a stream of three blocks and a group that has taken one.
func filled(t *testing.T) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	nc, js := streamtest.New(t)
	fill(t, js)
	return nc, js
}

func fill(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	ctx := streamtest.Context(t)
	cfg := stream.Config{Subject: "logs", StreamReplicas: 1, StreamMaxBytes: 64 << 20, DuplicateWindow: time.Minute}
	if _, err := stream.Ensure(ctx, js, cfg, quiet()); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.EnsureDead(ctx, js, "logs", cfg, quiet()); err != nil {
		t.Fatal(err)
	}
	if err := stream.EnsureLedger(ctx, js, cfg, quiet()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := js.Publish(ctx, "logs", heka.AppendFrame(nil, []byte("x"))); err != nil {
			t.Fatal(err)
		}
	}
	group, _, _, err := stream.EnsureConsumer(ctx, js, "logs", "es", stream.StartOptions{DeliverAll: true}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	msg, err := group.Next()
	if err != nil {
		t.Fatal(err)
	}
	if err := msg.DoubleAck(ctx); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, v *View) (r Report) {
	t.Helper()
	text, err := v.JSON(streamtest.Context(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestStreamsAndGroupsAreReportedAndLookingCreatesNoConsumer(t *testing.T) {
	t.Parallel()
	nc, js := filled(t)
	var mu sync.Mutex
	created := 0
	if _, err := nc.Subscribe("$JS.EVENT.ADVISORY.CONSUMER.>", func(*nats.Msg) { mu.Lock(); defer mu.Unlock(); created++ }); err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(streamtest.Context(t), jetstream.StreamConfig{Name: "OTHERS", Subjects: []string{"others"}}); err != nil {
		t.Fatal(err)
	}
	v := New(nc, js)
	r := read(t, v)
	if r.At == nil || r.Error != nil || len(r.Streams) != 1 {
		t.Fatalf("%+v", r)
	}
	s := r.Streams[0]
	if s.Name != "logs" || s.Subject != "logs" || s.Last != 3 || s.Messages != 3 || s.WhenFull != "refuse" || s.HeldBy != "es" || s.Dead == nil || s.Left != nil {
		t.Errorf("%+v", s)
	}
	if len(s.Groups) != 1 {
		t.Fatalf("%+v", s.Groups)
	}
	if g := s.Groups[0]; g.Name != "es" || g.Pending != 2 || g.Unacked != 0 || g.AckFloor != 1 || g.Delivered != 1 || g.Limit != stream.MaxAckPending || g.LastAck == nil {
		t.Errorf("%+v", g)
	}
	if status := v.Status(t.Context()); status.NATS != "up" || status.JS != "up" || status.Since == 0 || status.URL == "" || status.Version != nc.ConnectedServerVersion() {
		t.Errorf("%+v", status)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if created != 0 {
		t.Errorf("looking has created or deleted %d consumers", created)
	}
	if again := read(t, v); !again.At.Equal(*r.At) {
		t.Error("it was asked again at once")
	}
}

func TestWithoutNATSTheLastReportStaysAndSaysSo(t *testing.T) {
	t.Parallel()
	server := streamtest.Server(t)
	nc := streamtest.Connect(t, server)
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	cfg := stream.Config{Subject: "logs", StreamReplicas: 1, StreamMaxBytes: 64 << 20, DuplicateWindow: time.Minute}
	if _, err := stream.Ensure(streamtest.Context(t), js, cfg, quiet()); err != nil {
		t.Fatal(err)
	}
	v := New(nc, js)
	before := read(t, v)
	was := v.Status(t.Context())
	server.Shutdown()
	for deadline := time.Now().Add(streamtest.Timeout); nc.IsConnected(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("still connected")
		}
	}
	v.consumers.asked = time.Time{}
	r := read(t, v)
	if r.Error == nil || r.Error.Detail == "" || r.At == nil || !r.At.Equal(*before.At) || len(r.Streams) != 1 {
		t.Errorf("%+v", r)
	}
	if s := v.Status(t.Context()); s.NATS != "down" || s.JS != "down" || s.Since < was.Since || s.URL != was.URL || s.Version != "" {
		t.Errorf("%+v", s)
	}
}

func TestTheTailIsWhatStreamsStoreFromNowOn(t *testing.T) {
	t.Parallel()
	nc, js := filled(t)
	ctx, stop := context.WithCancel(streamtest.Context(t))
	blocks, ended := make(chan live.Block, 100), make(chan error, 1)
	go func() { ended <- New(nc, js).Tail(ctx, func(b *live.Block) { blocks <- *b }) }()
	var got live.Block
	for seen := false; !seen; { // it begins within some of these
		msg := nats.NewMsg("logs")
		msg.Header.Set(stream.HeaderCut, "1700000000123")
		msg.Data = heka.AppendFrame(nil, []byte("y"))
		if _, err := js.PublishMsg(ctx, msg); err != nil {
			t.Fatal(err)
		}
		select {
		case got = <-blocks:
			seen = true
		case <-time.After(20 * time.Millisecond):
		}
	}
	if got.Stream != "logs" || got.Sequence < 4 || got.Cut.UnixMilli() != 1700000000123 || len(got.Data) == 0 {
		t.Errorf("%+v", got)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
