package ledger

import (
	"context"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"

	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

func quiet() logrus.FieldLogger {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return log
}

func open(t *testing.T) (ctx context.Context, js jetstream.JetStream, kv jetstream.KeyValue) {
	t.Helper()
	_, js = streamtest.New(t)
	ctx = streamtest.Context(t)
	cfg := stream.Config{StreamReplicas: 1}
	if err := stream.EnsureLedger(ctx, js, cfg, quiet()); err != nil {
		t.Fatal(err)
	}
	kv, err := stream.EnsureState(ctx, js, cfg, quiet())
	if err != nil {
		t.Fatal(err)
	}
	return ctx, js, kv
}

// sending runs a sender and collects what it reports as settled.
func sending(t *testing.T, js jetstream.JetStream) (s *Sender, settled func() []uint64) {
	t.Helper()
	var mu sync.Mutex
	var got []uint64
	s = NewSender(js, "main", "group", 77, quiet(), func(blocks []Block) {
		mu.Lock()
		defer mu.Unlock()
		for _, b := range blocks {
			got = append(got, b.Sequence)
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	wait.Go(func() { s.Run(ctx) })
	t.Cleanup(func() { cancel(); wait.Wait() })
	return s, func() []uint64 {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(got)
	}
}

func TestSettlementsShareMessagesAndAreReportedWhenStored(t *testing.T) {
	t.Parallel()
	ctx, js, _ := open(t)
	resize(t, ctx, js, 1) // so that the first is not stored before the others have come
	s, settled := sending(t, js)
	const n = 3 * MaxBlocks
	for i := range uint64(n) {
		s.Settle(Block{Sequence: i + 1, Records: 1, Delivered: 1})
	}
	resize(t, ctx, js, 16<<20)
	if err := s.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	got := settled()
	if len(got) != n || !slices.IsSorted(got) {
		t.Fatalf("%d blocks reported, want %d in order", len(got), n)
	}
	l, err := js.Stream(ctx, stream.Ledger)
	if err != nil {
		t.Fatal(err)
	}
	state := l.CachedInfo().State
	if state.Msgs < 3 || state.Msgs > 10 {
		t.Errorf("%d messages for %d blocks", state.Msgs, n)
	}
	msg, err := l.GetMsg(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	if msg.Subject != "lm.ledger.main.group" || msg.Header.Get("Lm-Epoch") != "77" || msg.Header.Get(nats.MsgIdHdr) != "" {
		t.Errorf("subject %s, header %v", msg.Subject, msg.Header)
	}
}

func TestALoneSettlementLeavesAtOnce(t *testing.T) {
	t.Parallel()
	_, js, _ := open(t)
	s, settled := sending(t, js)
	start := time.Now()
	s.Settle(Block{Sequence: 1})
	streamtest.Eventually(t, "settled", func() bool { return len(settled()) == 1 })
	t.Log(time.Since(start))
}

func TestAFullLedgerIsToldAndWaitedFor(t *testing.T) {
	t.Parallel()
	ctx, js, _ := open(t)
	resize(t, ctx, js, 1)
	s, settled := sending(t, js)
	s.Settle(Block{Sequence: 1})
	streamtest.Eventually(t, "full", s.Full)
	<-s.OnFull()
	if len(settled()) != 0 {
		t.Error("reported as settled though not stored")
	}
	resize(t, ctx, js, 1<<20)
	streamtest.Eventually(t, "settled", func() bool { return len(settled()) == 1 })
	if s.Full() {
		t.Error("still full")
	}
}

func resize(t *testing.T, ctx context.Context, js jetstream.JetStream, bytes int64) {
	t.Helper()
	l, err := js.Stream(ctx, stream.Ledger)
	if err != nil {
		t.Fatal(err)
	}
	cfg := l.CachedInfo().Config
	cfg.MaxBytes = bytes
	if _, err := js.UpdateStream(ctx, cfg); err != nil {
		t.Fatal(err)
	}
}

func publish(t *testing.T, ctx context.Context, js jetstream.JetStream, group, epoch string, m Message) {
	t.Helper()
	msg := &nats.Msg{Subject: stream.LedgerSubject("main", group), Header: nats.Header{stream.HeaderEpoch: {epoch}}, Data: m.Append(nil)}
	if _, err := js.PublishMsg(ctx, msg); err != nil {
		t.Fatal(err)
	}
}

func TestFoldingCountsEverythingOnceAndRemovesIt(t *testing.T) {
	t.Parallel()
	ctx, js, kv := open(t)
	const blocks = 3 * foldStep
	for i := range uint64(blocks) {
		publish(t, ctx, js, "group", "77", settlement(Block{Sequence: i + 10, Records: 2, Delivered: 1, Filtered: 1}))
	}
	publish(t, ctx, js, "other", "1", settlement(Block{Sequence: 1, Records: 1, Delivered: 1}))
	if _, err := js.Publish(ctx, stream.LedgerSubject("main", "group"), []byte("no settlement")); err != nil {
		t.Fatal(err)
	}

	// Several folders at a time, as members of the group are.
	var wait sync.WaitGroup
	for range 3 {
		wait.Go(func() {
			f := Folder{Stream: "main", Group: "group", Epoch: 77, Baseline: 10, JS: js, KV: kv}
			if _, err := f.Fold(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	f := Folder{Stream: "main", Group: "group", JS: js, KV: kv}
	state, err := f.Fold(ctx)
	if err != nil {
		t.Fatal(err)
	}
	want := Sums{Records: 2 * blocks, Delivered: blocks, Filtered: blocks}
	if state.Sums != want || state.Baseline != 10 || state.Epoch != 77 || len(state.Settled) != 1 {
		t.Errorf("got %+v, want sums %+v from 10 on", state, want)
	}
	l, err := js.Stream(ctx, stream.Ledger)
	if err != nil {
		t.Fatal(err)
	}
	if left := l.CachedInfo().State.Msgs; left != 1 {
		t.Errorf("%d settlements left, want the other group's one", left)
	}
}
