package subscriber

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"lagermeister/ledger"
	"lagermeister/sink"
	"lagermeister/stream"
)

// pause until a time; the zero one ends it.
func (w *world) pause(until time.Time) {
	w.Helper()
	if err := stream.PauseGroup(w.ctx, w.js, testStream, testGroup, until); err != nil {
		w.Fatal(err)
	}
}

// asking counts the requests for blocks from now on.
func (w *world) asking() func() int64 {
	w.Helper()
	n := new(atomic.Int64)
	sub, err := w.nc.Subscribe("$JS.API.CONSUMER.MSG.NEXT."+testStream+"."+testGroup, func(*nats.Msg) { n.Add(1) })
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = sub.Unsubscribe() })
	return n.Load
}

// idle waits until members have asked some times more, in vain.
func (w *world) idle(delivered uint64) {
	w.Helper()
	asked := w.asking()
	w.until("the group asks on", func() bool { return asked() >= 3 })
	if info := w.consumer(); info.Delivered.Stream != delivered || !info.Paused {
		w.Errorf("delivered up to %d while paused (%v), want %d", info.Delivered.Stream, info.Paused, delivered)
	}
}

func TestAPausedGroupGetsNothingUntilItResumesAndThenAllOfIt(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	m := w.join(w.nc, testConfig(), s)
	for range 5 {
		w.store("before")
	}
	w.settled(5)
	until := time.Now().Add(time.Hour)
	w.pause(until)
	for range 10 {
		w.store("meanwhile")
	}
	w.idle(5)
	if n := metric(t, m, "lagermeister_subscriber_fetch_errors_total"); n != 0 {
		t.Errorf("%v fetches failed", n)
	}
	if reasons := m.NotReady(); len(reasons) != 0 {
		t.Errorf("not ready: %q", reasons)
	}

	// Members come and go: the pause is the operator's, not theirs.
	if err := m.stop(); err != nil {
		t.Fatal(err)
	}
	w.join(w.nc, testConfig(), s)
	w.idle(5)
	info := w.consumer()
	if at := info.Config.PauseUntil; at == nil || !at.Equal(until) || info.NumPending != 10 {
		t.Errorf("after a restart paused until %v, want %v, with %d blocks pending, want 10", at, until, info.NumPending)
	}
	if want, got := (ledger.Sums{Records: 5, Delivered: 5, Already: 4}), w.settled(5); got != want {
		t.Errorf("while paused settled %+v, want %+v", got, want)
	}

	w.pause(time.Time{})
	if want, got := (ledger.Sums{Records: 15, Delivered: 15, Already: 13}), w.settled(15); got != want {
		t.Errorf("settled %+v, want %+v", got, want)
	}
}

func TestWhatAPauseFindsInFlightIsSettled(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	posted, answer := make(chan struct{}), make(chan struct{})
	s.do(func(batch []sink.Record, results []sink.Result) error {
		close(posted)
		<-answer
		s.script = nil
		return s.take(batch, results)
	})
	w.join(w.nc, testConfig(), s)
	w.store("in flight")
	<-posted
	w.pause(time.Now().Add(time.Hour))
	w.store("too late")
	close(answer)
	if want, got := (ledger.Sums{Records: 1, Delivered: 1}), w.settled(1); got != want {
		t.Errorf("settled %+v, want %+v", got, want)
	}
	w.idle(1)
}

// Replays come by a consumer of their own, and only when somebody asks for them.
func TestAPauseStopsNoReplays(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	s.poison("poison")
	w.join(w.nc, testConfig(), s)
	w.store("poison")
	w.settled(1)
	w.pause(time.Now().Add(time.Hour))
	s.do(nil)
	l := w.letter()
	w.send(l.Replay())
	w.replayed()
	if want, got := (ledger.Sums{Records: 1, Delivered: 1}), w.settled(1); got != want {
		t.Errorf("settled %+v, want %+v", got, want)
	}
}
