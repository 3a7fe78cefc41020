package stream_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

func TestAWalkSeesWhatIsStoredWhenItBeginsInOrder(t *testing.T) {
	t.Parallel()
	_, js := streamtest.New(t)
	ctx := streamtest.Context(t)
	s, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "s", Subjects: []string{"s.>"}})
	if err != nil {
		t.Fatal(err)
	}
	const n = 1300 // several fetches
	for i := range n {
		if _, err := js.PublishAsync(fmt.Sprintf("s.%d", i%2), []byte("body")); err != nil {
			t.Fatal(err)
		}
	}
	<-js.PublishAsyncComplete()
	if err := s.DeleteMsg(ctx, 700); err != nil {
		t.Fatal(err)
	}

	var seen []uint64
	walk := stream.Walk{Stream: "s"}
	if err := walk.Do(ctx, js, func(msg jetstream.Msg, seq uint64, _ time.Time) error {
		if len(seen) == 0 { // what is stored meanwhile is not waited for
			if _, err := js.Publish(ctx, "s.0", nil); err != nil {
				return err
			}
		}
		seen = append(seen, seq)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(seen) != n-1 || !slices.IsSorted(seen) || slices.Contains(seen, 700) {
		t.Errorf("%d messages seen, want %d in order", len(seen), n-1)
	}

	seen = seen[:0]
	walk = stream.Walk{Stream: "s", From: 11, To: 15, HeadersOnly: true}
	if err := walk.Do(ctx, js, func(msg jetstream.Msg, seq uint64, _ time.Time) error {
		if len(msg.Data()) > 0 {
			t.Errorf("message %d has a body", seq)
		}
		seen = append(seen, seq)
		return nil
	}); err != nil || !slices.Equal(seen, []uint64{11, 12, 13, 14, 15}) {
		t.Errorf("seen %v: %v", seen, err)
	}
}

func TestAWalkEndsWhenItsVisitorSaysSo(t *testing.T) {
	t.Parallel()
	_, js := streamtest.New(t)
	ctx := streamtest.Context(t)
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "s"}); err != nil {
		t.Fatal(err)
	}
	if err := (stream.Walk{Stream: "s"}).Do(ctx, js, nil); err != nil {
		t.Errorf("an empty stream: %v", err)
	}
	for range 2 {
		if _, err := js.Publish(ctx, "s", nil); err != nil {
			t.Fatal(err)
		}
	}
	mine := errors.New("mine")
	for _, c := range []struct{ stop, want error }{{stream.ErrStop, nil}, {mine, mine}} {
		calls := 0
		err := (stream.Walk{Stream: "s"}).Do(ctx, js, func(jetstream.Msg, uint64, time.Time) error {
			calls++
			return c.stop
		})
		if !errors.Is(err, c.want) || calls != 1 {
			t.Errorf("%v: %d calls, %v", c.stop, calls, err)
		}
	}
}

func TestReplaysOfTwoGroupsDoNotMeet(t *testing.T) {
	t.Parallel()
	_, js := streamtest.New(t)
	ctx := streamtest.Context(t)
	if err := stream.EnsureReplay(ctx, js, stream.Config{StreamReplicas: 1}, quiet()); err != nil {
		t.Fatal(err)
	}
	for _, g := range [][2]string{{"a_b", "c"}, {"a", "b_c"}, {"a", "b_c"}} {
		if _, err := stream.EnsureReplayConsumer(ctx, js, g[0], g[1]); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := js.Publish(ctx, stream.ReplaySubject("a", "b_c"), nil); err != nil {
		t.Fatal(err)
	}
	if err := stream.DropReplays(ctx, js, "a", "b_c"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		stream, group string
		want          bool
	}{{"a_b", "c", true}, {"a", "b_c", false}} {
		if got, err := stream.TakesReplays(ctx, js, c.stream, c.group); err != nil || got != c.want {
			t.Errorf("group %s of %s takes replays: %v, %v", c.group, c.stream, got, err)
		}
	}
	if s, err := js.Stream(ctx, stream.Replay); err != nil || s.CachedInfo().State.Msgs != 0 {
		t.Errorf("replays are left: %v", err)
	}
}

func FuzzDeadSubject(f *testing.F) {
	f.Add("lm.dead.logs.group.99.7.3")
	f.Add("lm.dead.logs.group.-1.7.-3")
	f.Fuzz(func(t *testing.T, subject string) {
		s, g, epoch, seq, index, ok := stream.ParseDeadSubject(subject)
		if !ok {
			return
		}
		again := stream.DeadSubject(s, g, epoch, seq, index)
		if s2, g2, e2, q2, i2, ok := stream.ParseDeadSubject(again); !ok || s2 != s || g2 != g || e2 != epoch || q2 != seq || i2 != index {
			t.Fatalf("%q, then %q", subject, again)
		}
	})
}
