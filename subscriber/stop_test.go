package subscriber

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

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

// A member that is starved of CPU, or has just come, does not wait for blocks at the
// moment it is looked for, and may not even answer.
func TestUnsubscribeKeepsTheGroupOfAMemberThatDoesNothingAtPresent(t *testing.T) {
	t.Parallel()
	for name, attend := range map[string]func(w *world) (end func()){
		"joined": func(w *world) func() {
			nc := streamtest.Connect(t, w.srv)
			w.open(nc, testConfig(), newScripted()) // and does not run yet
			return nc.Close
		},
		"silent": func(w *world) func() {
			nc := streamtest.Connect(t, w.srv)
			if _, err := nc.SubscribeSync(stream.MemberSubject(testStream, testGroup)); err != nil {
				t.Fatal(err)
			}
			if err := nc.Flush(); err != nil {
				t.Fatal(err)
			}
			return nc.Close
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			end := attend(w)
			cfg := testConfig()
			cfg.Unsubscribe = true
			if err := w.join(w.nc, cfg, newScripted()).stop(); err != nil {
				t.Fatal(err)
			}
			w.consumer() // still there
			end()
			w.until("the broker knows that the other has gone", func() bool {
				_, err := w.nc.Request(stream.MemberSubject(testStream, testGroup), nil, 100*time.Millisecond)
				return errors.Is(err, nats.ErrNoResponders)
			})
			if err := w.join(w.nc, cfg, newScripted()).stop(); err != nil {
				t.Fatal(err)
			}
			if _, err := w.js.Consumer(w.ctx, testStream, testGroup); !errors.Is(err, jetstream.ErrConsumerNotFound) {
				t.Errorf("after the last member: %v", err)
			}
		})
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
