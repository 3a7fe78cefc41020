package subscriber

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"lagermeister/ledger"
	"lagermeister/sink"
	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

func TestAStoppingMemberGivesItsBlocksToAnotherAtOnce(t *testing.T) {
	t.Parallel()
	w, slow, s := newWorld(t), newScripted(), newScripted()
	slow.do(func([]sink.Record, []sink.Result) error { return &sink.Error{Class: sink.Again, Status: 503} })
	first := w.join(w.nc, testConfig(), slow)
	for i := range 30 {
		w.store(fmt.Sprint("a ", i))
	}
	w.until("posts at the slow sink", func() bool { return slow.offered() > 0 })
	second := w.join(streamtest.Connect(t, w.srv, nats.Name("second")), testConfig(), s)
	start := time.Now()
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	want := ledger.Sums{Records: 30, Delivered: 30}
	if got := w.settled(30); got != want {
		t.Errorf("settled %+v, want %+v", got, want)
	}
	if took := time.Since(start); took >= stream.AckWait {
		t.Errorf("took %v: the second member had to wait for ack_wait", took)
	}
	if err := second.stop(); err != nil {
		t.Error(err)
	}
}

func TestAnswersThatArriveWhileStoppingAreSettled(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	posted, answer := make(chan struct{}), make(chan struct{})
	s.do(func(batch []sink.Record, results []sink.Result) error {
		close(posted)
		<-answer
		return s.take(batch, results)
	})
	m := w.join(w.nc, testConfig(), s)
	w.store("a")
	<-posted
	ended := make(chan error)
	go func() { ended <- m.stop() }()
	w.until("draining", func() bool { return m.draining.Load() })
	close(answer)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	want := ledger.Sums{Records: 1, Delivered: 1}
	if got := w.settled(1); got != want {
		t.Errorf("settled %+v, want %+v", got, want)
	}
}

func TestAPostWithoutAnAnswerIsGivenBackAfterTheDrainTimeout(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	never := silent{newScripted()} // the request ends with its context
	cfg := testConfig()
	cfg.DrainTimeout = 50 * time.Millisecond
	m := w.join(w.nc, cfg, never)
	w.store("a")
	w.until("the record posted", func() bool { posts, _ := m.gate.inFlight(); return posts == 1 })
	err := m.stop()
	var incomplete *Incomplete
	if !asIncomplete(err, &incomplete) || incomplete.Blocks != 1 || incomplete.ExitCode() != 75 {
		t.Errorf("got %v, want one block given back", err)
	}
	w.join(w.nc, testConfig(), s)
	w.settled(1)
}

func TestUnsubscribeDeletesTheGroupOfTheLastMember(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	cfg := testConfig()
	cfg.Unsubscribe = true
	cfg.pace.fetch = time.Second // a member waits nearly all the time
	one := w.join(w.nc, cfg, s)
	other := w.join(w.nc, cfg, s)
	w.until("both wait", func() bool { return w.consumer().NumWaiting >= 2 })
	if err := one.stop(); err != nil {
		t.Fatal(err)
	}
	w.consumer() // still there
	if err := other.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.js.Consumer(w.ctx, testStream, testGroup); err == nil {
		t.Error("the group is still there")
	}
}

func TestUnsubscribeKeepsTheGroupOfABusyMember(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	blocked := make(chan struct{})
	release := sync.OnceFunc(func() { close(blocked) })
	s.do(func(batch []sink.Record, results []sink.Result) error {
		<-blocked
		return s.take(batch, results)
	})
	cfg := testConfig()
	cfg.BatchSize, cfg.Inflight, cfg.DrainTimeout = 1, 1, time.Millisecond
	cfg.pace.fetch = 10 * time.Millisecond
	busy := w.join(w.nc, cfg, s)
	t.Cleanup(release)
	for i := range 20 { // more than it can have on their way
		w.store(fmt.Sprint("a ", i))
	}
	w.until("the member has enough and asks for no more", func() bool {
		blocks, _ := busy.held.size()
		return blocks >= 3 && w.consumer().NumWaiting == 0
	})
	cfg.Unsubscribe = true
	m := w.run(w.open(w.nc, cfg, newScripted()))
	if err := m.stop(); err != nil {
		t.Fatal(err)
	}
	release()
	w.settled(20)
}

func TestADeletedGroupEndsTheMember(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	m := w.join(w.nc, testConfig(), s)
	if err := w.js.DeleteConsumer(w.ctx, testStream, testGroup); err != nil {
		t.Fatal(err)
	}
	w.until("draining", func() bool { return m.draining.Load() })
	if err := m.stop(); err == nil || !strings.Contains(err.Error(), "the group was deleted") {
		t.Errorf("got %v", err)
	}
}
