package subscriber

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"lagermeister/ledger"
	"lagermeister/sink"
	"lagermeister/stream"
)

func TestEveryRecordIsDeliveredOnceAndEveryBlockSettled(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	w.join(w.nc, testConfig(), s)
	for i := range 20 {
		w.store(payloads(fmt.Sprint("block ", i), 50)...)
	}
	want := ledger.Sums{Records: 1000, Delivered: 1000}
	if got := w.settled(20); got != want {
		t.Errorf("settled %+v, want %+v", got, want)
	}
	if s.len() != 1000 {
		t.Errorf("the sink has %d records, want 1000", s.len())
	}
	for id, n := range s.times {
		if n != 1 {
			t.Fatalf("record %s was delivered %d times", id, n)
		}
	}
}

func TestDocumentsCarryPositionAndId(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	var index []string
	s.do(func(batch []sink.Record, results []sink.Result) error {
		for _, r := range batch {
			index = append(index, string(r.Index))
		}
		return s.take(batch, results)
	})
	w.join(w.nc, testConfig(), s)
	w.store("a", "b")
	w.settled(1)
	for id, doc := range s.docs {
		if len(id) != 44 || !strings.HasPrefix(id, fmt.Sprintf("%012x", 1_700_000_000_000)) {
			t.Errorf("id %s", id)
		}
		if !strings.Contains(doc, `"1.0"`) && !strings.Contains(doc, `"1.1"`) {
			t.Errorf("document without position: %s", doc)
		}
	}
	if strings.Join(index, " ") != "logs-test logs-test" {
		t.Errorf("index names %q", index)
	}
}

func TestWhatTheMatchSpecDropsIsSettledAsFiltered(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	cfg := testConfig()
	cfg.MatchSpec = `Payload =~ /^keep/`
	w.join(w.nc, cfg, s)
	w.store("keep 1", "drop 1", "keep 2")
	w.store("drop 2")
	want := ledger.Sums{Records: 4, Delivered: 2, Filtered: 2}
	if got := w.settled(2); got != want {
		t.Errorf("settled %+v, want %+v", got, want)
	}
}

func TestOtherSubjectsOfTheStreamAreFiltered(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	w.ensure()
	main, err := w.js.Stream(w.ctx, testStream)
	if err != nil {
		t.Fatal(err)
	}
	cfg := main.CachedInfo().Config
	cfg.Subjects = append(cfg.Subjects, "other")
	if _, err := w.js.UpdateStream(w.ctx, cfg); err != nil {
		t.Fatal(err)
	}
	if _, err := w.js.Publish(w.ctx, "other", append(frame(t, "x"), frame(t, "y")...)); err != nil {
		t.Fatal(err)
	}
	w.join(w.nc, testConfig(), s)
	w.store("mine")
	want := ledger.Sums{Records: 3, Delivered: 1, Filtered: 2}
	if got := w.settled(2); got != want {
		t.Errorf("settled %+v, want %+v", got, want)
	}
}

func TestBlocksAndBareMessagesMayStandInOneStream(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	w.ensure()
	w.store("framed")
	for _, p := range []string{"bare 1", "bare 2"} {
		if _, err := w.js.Publish(w.ctx, testStream, message(t, p)); err != nil {
			t.Fatal(err)
		}
	}
	w.join(w.nc, testConfig(), s)
	want := ledger.Sums{Records: 3, Delivered: 3}
	if got := w.settled(3); got != want || s.len() != 3 {
		t.Errorf("settled %+v with %d records at the sink, want %+v", got, s.len(), want)
	}
}

func TestAStreamOfOneRecordBlocksDrainsAtFullSpeed(t *testing.T) {
	t.Parallel()
	const blocks = 20_000
	w, s := newWorld(t), newScripted()
	w.ensure()
	futures := 0
	body := frame(t, "x")
	for range blocks {
		if _, err := w.js.PublishAsync(testStream, body); err != nil {
			t.Fatal(err)
		}
		if futures++; futures%1000 == 0 {
			<-w.js.PublishAsyncComplete()
		}
	}
	cfg := testConfig()
	cfg.BatchSize, cfg.BatchTimeout = 1000, 20*time.Second // the last batch may have to wait for it
	start := time.Now()
	w.join(w.nc, cfg, s)
	want := ledger.Sums{Records: blocks, Delivered: blocks, Already: blocks - 1}
	if got := w.settled(blocks); got != want {
		t.Errorf("settled %+v, want %+v", got, want)
	}
	// A moment in which nothing comes ends a batch early: some do on a busy machine.
	if posts := s.offered(); s.largest() != 1000 || posts > blocks/100 {
		t.Errorf("%d posts, the largest of %d records; want about %d of 1000", posts, s.largest(), blocks/1000)
	}
	t.Logf("%d one-record blocks in %v", blocks, time.Since(start))
}

// The group's pending limit is reached before the batch is full: nothing more
// can come until something is delivered.
func TestABatchThatCannotFillIsSentAtOnce(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	cfg := testConfig()
	cfg.BatchSize, cfg.BatchTimeout = 1_000_000, 10*time.Minute
	m := w.open(w.nc, cfg, s)
	consumer := w.consumer().Config
	consumer.MaxAckPending = 10
	if _, err := w.js.UpdateConsumer(w.ctx, testStream, consumer); err != nil {
		t.Fatal(err)
	}
	for i := range 45 {
		w.store(fmt.Sprint("a ", i))
	}
	w.run(m)
	w.until("all but the last few at the sink", func() bool { return s.len() >= 40 })
}

func TestALoneRecordWaitsForItsTimerOnly(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	cfg := testConfig()
	cfg.BatchTimeout = 300 * time.Millisecond
	w.join(w.nc, cfg, s)
	start := time.Now()
	w.store("alone")
	w.until("the record at the sink", func() bool { return s.len() == 1 })
	if waited := time.Since(start); waited < cfg.BatchTimeout-5*time.Millisecond {
		t.Errorf("sent after %v, though more could have come for %v", waited, cfg.BatchTimeout)
	}
}

func TestARedeliveredBlockIsNotDeliveredTwice(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	blocked := make(chan struct{})
	s.do(func(batch []sink.Record, results []sink.Result) error {
		<-blocked
		return s.take(batch, results)
	})
	cfg := testConfig()
	cfg.pace.progress = time.Hour // the server thinks that we are gone
	m := w.join(w.nc, cfg, s)
	w.hurry()
	w.store("a", "b")
	w.until("a redelivery", func() bool { return w.consumer().NumRedelivered > 0 })
	w.ackWait(stream.AckWait) // the last one was that
	w.until("every redelivery taken in", func() bool {
		return metric(t, m, "lagermeister_subscriber_redeliveries_total") == float64(w.consumer().Delivered.Consumer-1)
	})
	close(blocked)
	want := ledger.Sums{Records: 2, Delivered: 2}
	if got := w.settled(1); got != want {
		t.Errorf("settled %+v, want %+v", got, want)
	}
	if s.offered() != 1 {
		t.Errorf("%d posts, want 1", s.offered())
	}
}

// signsWait is an ack_wait of fifty signs of life: some may be late.
const signsWait = 5 * time.Second

func TestSignsOfLifeKeepABlockFromOthers(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	release := make(chan struct{})
	s.do(func(batch []sink.Record, results []sink.Result) error {
		<-release
		return s.take(batch, results)
	})
	w.join(w.nc, testConfig(), s)
	w.ackWait(signsWait)
	w.store("a")
	end := time.Now().Add(2 * signsWait)
	w.until("time to pass", func() bool { return time.Now().After(end) })
	if n := w.consumer().NumRedelivered; n != 0 {
		t.Errorf("%d blocks were redelivered while they were worked on", n)
	}
	close(release)
	w.settled(1)
}

// A fetch brings more than can be on its way to a slow sink: what waits behind it
// is kept from others too.
func TestSignsOfLifeKeepBlocksThatWaitForASlowSink(t *testing.T) {
	t.Parallel()
	const blocks = 50
	w, s := newWorld(t), newScripted()
	blocked := make(chan struct{})
	release := sync.OnceFunc(func() { close(blocked) })
	s.do(func(batch []sink.Record, results []sink.Result) error {
		<-blocked
		return s.take(batch, results)
	})
	cfg := testConfig()
	cfg.BatchSize = 1
	m := w.open(w.nc, cfg, s)
	w.ackWait(signsWait)
	for i := range blocks {
		w.store(fmt.Sprint("a ", i))
	}
	w.run(m)
	t.Cleanup(release)
	w.until("every block is held", func() bool { n, _ := m.held.size(); return n == blocks })
	end := time.Now().Add(2 * signsWait)
	w.until("time to pass", func() bool { return time.Now().After(end) })
	if n := w.consumer().NumRedelivered; n != 0 {
		t.Errorf("%d blocks were redelivered while they were worked on", n)
	}
	release()
	w.settled(blocks)
}
