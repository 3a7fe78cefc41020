package stream_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

// smallStream refuses what goes beyond 100 messages of 10 kB, and two groups read it.
func smallStream(t *testing.T, js jetstream.JetStream) (s jetstream.Stream, fast, slow jetstream.Consumer) {
	t.Helper()
	ctx := streamtest.Context(t)
	s, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "s", Subjects: []string{"s"}, MaxBytes: 1 << 20, Discard: jetstream.DiscardNew})
	if err != nil {
		t.Fatal(err)
	}
	for group, c := range map[string]*jetstream.Consumer{"fast": &fast, "slow": &slow} {
		if *c, _, _, err = stream.EnsureConsumer(ctx, js, "s", group, stream.StartOptions{DeliverAll: true}, quiet()); err != nil {
			t.Fatal(err)
		}
	}
	return s, fast, slow
}

// fill publishes until the stream is full and returns how many it took.
func fill(t *testing.T, js jetstream.JetStream) (n int) {
	t.Helper()
	for {
		_, err := js.Publish(streamtest.Context(t), "s", make([]byte, 10_000))
		if err != nil {
			if !strings.Contains(err.Error(), "maximum bytes exceeded") {
				t.Fatal(err)
			}
			return n
		}
		n++
	}
}

// settle acknowledges n messages.
func settle(t *testing.T, c jetstream.Consumer, n int) {
	t.Helper()
	for range n {
		m, err := c.Next(jetstream.FetchMaxWait(streamtest.Timeout))
		if err != nil {
			t.Fatal(err)
		}
		if err := m.DoubleAck(streamtest.Context(t)); err != nil {
			t.Fatal(err)
		}
	}
}

func first(t *testing.T, s jetstream.Stream) uint64 {
	t.Helper()
	info, err := s.Info(streamtest.Context(t))
	if err != nil {
		t.Fatal(err)
	}
	return info.State.FirstSeq
}

func TestSettledBlocksAreTrimmedBySizeAndUnsettledOnesNever(t *testing.T) {
	t.Parallel()
	_, js := streamtest.New(t)
	s, fast, slow := smallStream(t, js)
	reg := prometheus.NewRegistry()
	trimmer := stream.NewTrimmer(js, "s", 0, quiet(), reg)
	trim := func() {
		t.Helper()
		if err := trimmer.Trim(streamtest.Context(t)); err != nil {
			t.Fatal(err)
		}
	}
	n := fill(t, js)
	settle(t, fast, n)
	trim()
	if got := first(t, s); got != 1 {
		t.Fatalf("starts at %d, though group slow has settled nothing", got)
	}
	if r := strings.Join(trimmer.NotReady(), " "); !strings.Contains(r, "held by group slow") || !strings.Contains(r, "nats consumer rm s slow") {
		t.Errorf("not ready because of %q, want the group that holds the stream and the command that removes it", r)
	}
	settle(t, slow, 7)
	trim()
	if got := first(t, s); got != 8 {
		t.Fatalf("starts at %d, want 8: group slow has settled 7", got)
	}
	want := `
		# HELP lagermeister_stream_held_by Stored messages that a group has not settled and that are therefore kept.
		# TYPE lagermeister_stream_held_by gauge
		lagermeister_stream_held_by{group="fast",stream="s"} 0
		lagermeister_stream_held_by{group="slow",stream="s"} ` + strconv.Itoa(n-7) + "\n"
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "lagermeister_stream_held_by"); err != nil {
		t.Error(err)
	}
	settle(t, slow, n-7)
	trim()
	info, err := s.Info(streamtest.Context(t))
	if err != nil {
		t.Fatal(err)
	}
	if share := float64(info.State.Bytes) / (1 << 20); share > 0.81 || share < 0.75 {
		t.Errorf("%.0f %% full after trimming, want 80", share*100)
	}
	trim()
	if r := trimmer.NotReady(); len(r) != 0 {
		t.Errorf("not ready because of %q", r)
	}
	if fill(t, js) == 0 {
		t.Error("the trimmed stream takes nothing")
	}
}

func TestSettledBlocksAreTrimmedByAge(t *testing.T) {
	t.Parallel()
	_, js := streamtest.New(t)
	s, fast, slow := smallStream(t, js)
	for range 10 {
		if _, err := js.Publish(streamtest.Context(t), "s", nil); err != nil {
			t.Fatal(err)
		}
	}
	settle(t, fast, 10)
	settle(t, slow, 6)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	trimmer := stream.NewTrimmer(js, "s", 50*time.Millisecond, quiet(), nil)
	go func() { ended <- trimmer.Run(ctx) }()
	streamtest.Eventually(t, "what both groups settled is gone", func() bool { return first(t, s) == 7 })
	settle(t, slow, 4)
	streamtest.Eventually(t, "all is gone", func() bool { return first(t, s) == 11 })
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if young := stream.NewTrimmer(js, "s", time.Hour, quiet(), nil); young.Trim(streamtest.Context(t)) != nil || first(t, s) != 11 {
		t.Error("a young message was trimmed")
	}
}

func TestStreamWithoutGroupKeepsEverythingAndSaysSo(t *testing.T) {
	t.Parallel()
	_, js := streamtest.New(t)
	s, _, _ := smallStream(t, js)
	for _, group := range []string{"fast", "slow"} {
		if err := js.DeleteConsumer(streamtest.Context(t), "s", group); err != nil {
			t.Fatal(err)
		}
	}
	fill(t, js)
	trimmer := stream.NewTrimmer(js, "s", time.Nanosecond, quiet(), nil)
	if err := trimmer.Trim(streamtest.Context(t)); err != nil {
		t.Fatal(err)
	}
	if r := strings.Join(trimmer.NotReady(), " "); first(t, s) != 1 || !strings.Contains(r, "no group") {
		t.Errorf("starts at %d, not ready because of %q", first(t, s), r)
	}
}

func TestMissingRightToPurgeIsNamed(t *testing.T) {
	t.Parallel()
	server := streamtest.Server(t, streamtest.Extra(`authorization { users = [
		{user: admin, password: p}, {user: reader, password: p, permissions: {publish: {deny: "$JS.API.STREAM.PURGE.>"}}}
	] }`))
	admin := streamtest.JetStream(t, streamtest.Connect(t, server, nats.UserInfo("admin", "p")))
	s, fast, slow := smallStream(t, admin)
	n := fill(t, admin)
	settle(t, fast, n)
	settle(t, slow, n)
	reader := streamtest.JetStream(t, streamtest.Connect(t, server, nats.UserInfo("reader", "p")))
	trimmer := stream.NewTrimmer(reader, "s", 0, quiet(), nil)
	if err := trimmer.Trim(streamtest.Context(t)); err == nil {
		t.Fatal("purged without the right to")
	}
	if r := strings.Join(trimmer.NotReady(), " "); !strings.Contains(r, "may not purge") || first(t, s) != 1 {
		t.Errorf("not ready because of %q", r)
	}
}
