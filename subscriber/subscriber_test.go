package subscriber

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"lagermeister/heka"
	"lagermeister/ledger"
	"lagermeister/sink"
	"lagermeister/stream"
	"lagermeister/stream/streamtest"
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

func TestASinkThatFailsForAWhileGetsEverythingOnce(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	failures := 0
	s.do(func(batch []sink.Record, results []sink.Result) error {
		if failures++; failures < 40 {
			return &sink.Error{Class: sink.Again, Status: 500}
		}
		return s.take(batch, results)
	})
	w.join(w.nc, testConfig(), s)
	w.store(payloads("a", 300)...)
	want := ledger.Sums{Records: 300, Delivered: 300}
	if got := w.settled(1); got != want {
		t.Errorf("settled %+v, want %+v", got, want)
	}
	for id, n := range s.times {
		if n != 1 {
			t.Fatalf("record %s was delivered %d times", id, n)
		}
	}
}

func TestOnlyTheUnansweredItemsAreSentAgain(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	first := true
	s.do(func(batch []sink.Record, results []sink.Result) error {
		if !first {
			return s.take(batch, results)
		}
		first = false
		for i, r := range batch {
			if results[i] = (sink.Result{Outcome: sink.Retry, Status: 429}); i%2 == 0 {
				results[i].Outcome = s.one(r)
			}
		}
		return &sink.Error{Class: sink.Again, Status: 429}
	})
	m := w.join(w.nc, testConfig(), s)
	w.store(payloads("a", 100)...)
	want := ledger.Sums{Records: 100, Delivered: 100}
	if got := w.settled(1); got != want {
		t.Errorf("settled %+v, want %+v", got, want)
	}
	if len(s.sizes) != 2 || s.sizes[1] != 50 {
		t.Errorf("posts of %v records, want 100 and 50", s.sizes)
	}
	if _, limit := m.gate.inFlight(); limit != startPosts/2 {
		t.Errorf("%d posts may be in flight after a 429, want %d", limit, startPosts/2)
	}
}

func TestATooLargeBatchIsHalvedUntilItFits(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	s.do(func(batch []sink.Record, results []sink.Result) error {
		if len(batch) > 10 {
			return &sink.Error{Class: sink.Split, Status: 413}
		}
		return s.take(batch, results)
	})
	w.join(w.nc, testConfig(), s)
	w.store(payloads("a", 100)...)
	want := ledger.Sums{Records: 100, Delivered: 100}
	if got := w.settled(1); got != want || s.len() != 100 {
		t.Errorf("settled %+v with %d records at the sink, want %+v", got, s.len(), want)
	}
}

// A whole-batch sink cannot name the record it does not like: halving finds it.
func TestOnePoisonRecordDoesNotStopItsNeighbours(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	s.do(func(batch []sink.Record, results []sink.Result) error {
		for _, r := range batch {
			if bytes.Contains(r.Doc, []byte("poison")) {
				if len(batch) > 1 {
					return &sink.Error{Class: sink.Split, Status: 400}
				}
				results[0] = sink.Result{Outcome: sink.Refused, Status: 400, Type: "bad", Reason: "no\r\nthanks"}
				return nil
			}
		}
		return s.take(batch, results)
	})
	w.join(w.nc, testConfig(), s)
	w.store("a", "b", "poison", "c")
	want := ledger.Sums{Records: 4, Delivered: 3, Dead: 1}
	if got := w.settled(1); got != want {
		t.Errorf("settled %+v, want %+v", got, want)
	}

	letters := w.deadLetters()
	if len(letters) != 1 {
		t.Fatalf("%d dead letters, want 1", len(letters))
	}
	epoch := w.consumer().Created.UnixNano()
	if want := fmt.Sprintf("lm.dead.logs.group.%d.1.2", epoch); letters[0].Subject != want {
		t.Errorf("subject %s, want %s", letters[0].Subject, want)
	}
	if !bytes.Equal(letters[0].Data, frame(t, "poison")) {
		t.Errorf("body %q is not the original frame", letters[0].Data)
	}
	h := letters[0].Header
	for key, want := range map[string]string{
		"Lm-Group": "group", "Lm-Sink": "scripted", "Lm-Status": "400", "Lm-Error-Type": "bad", "Lm-Reason": "no thanks",
		"Lm-Attempts": "1", "Lm-Origin": t.Name() + "-1", "Lm-Index": "2", "Lm-Cut": "1700000000123", "Lm-Epoch": fmt.Sprint(epoch),
	} {
		if got := h.Get(key); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	if len(h.Get("Lm-Id")) != 44 {
		t.Errorf("Lm-Id: %q", h.Get("Lm-Id"))
	}
	for _, key := range []string{"Lm-First", "Lm-Last"} {
		if _, err := time.Parse(time.RFC3339Nano, h.Get(key)); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestWhatDoesNotDecodeBecomesADeadLetterEach(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	w.join(w.nc, testConfig(), s)
	a, b := frame(t, "a"), frame(t, "b")
	broken := heka.AppendFrame(nil, []byte{0xFF, 0xFF})
	w.publish(bytes.Join([][]byte{a, []byte("junk"), broken, b, a[:9]}, nil), 5)
	if _, err := w.js.Publish(w.ctx, testStream, nil); err != nil {
		t.Fatal(err)
	}
	want := ledger.Sums{Records: 6, Delivered: 2, Dead: 4}
	if got := w.settled(2); got != want {
		t.Errorf("settled %+v, want %+v", got, want)
	}
	found := map[string]bool{}
	for _, l := range w.deadLetters() {
		if l.Header.Get("Lm-Error-Type") != "undecodable" || l.Header.Get("Lm-Reason") == "" {
			t.Errorf("headers %v", l.Header)
		}
		found[string(l.Data)] = true
	}
	for _, want := range []string{"junk", string(broken), string(a[:9]), ""} {
		if !found[want] {
			t.Errorf("no dead letter with the bytes %q", want)
		}
	}
}

func TestARecordThatNeedsOneNewIndexTooManyIsADeadLetter(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	m := w.join(w.nc, testConfig(), s)
	for i := range newNames { // other types have brought up their share of names
		m.out.(*assembler).names.intern(fmt.Appendf(nil, "old-%d", i))
	}
	w.store("a")
	want := ledger.Sums{Records: 1, Dead: 1}
	if got := w.settled(1); got != want {
		t.Errorf("settled %+v, want %+v", got, want)
	}
	if l := w.deadLetters(); len(l) != 1 || l[0].Header.Get("Lm-Error-Type") != "index_limit" || len(l[0].Header.Get("Lm-Id")) != 44 {
		t.Errorf("dead letters %v", l)
	}
}

func TestAForbiddenSinkPausesLoudlyAndGoesOnByItself(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	s.do(func([]sink.Record, []sink.Result) error {
		return &sink.Error{Class: sink.Pause, Status: 403, Reason: "no right to write"}
	})
	m := w.join(w.nc, testConfig(), s)
	w.store(payloads("a", 100)...)
	w.until("a reason on /ready", func() bool {
		return strings.Contains(strings.Join(m.NotReady(), ";"), "no right to write")
	})
	s.do(nil)
	want := ledger.Sums{Records: 100, Delivered: 100}
	if got := w.settled(1); got != want {
		t.Errorf("settled %+v, want %+v", got, want)
	}
	if reasons := m.NotReady(); len(reasons) > 0 {
		t.Errorf("still not ready: %v", reasons)
	}
}

func TestASinkThatRefusesMostRecordsPausesInsteadOfEmptyingTheStream(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	s.do(func(batch []sink.Record, results []sink.Result) error {
		for i := range batch {
			results[i] = sink.Result{Outcome: sink.Refused, Status: 400, Type: "mapping", Reason: "field is a date"}
		}
		return nil
	})
	cfg := testConfig()
	cfg.BatchSize = 1000
	m := w.join(w.nc, cfg, s)
	w.store(payloads("a", 2000)...)
	w.until("a pause", func() bool { return strings.Contains(strings.Join(m.NotReady(), ";"), "refused: mapping") })
	offered := s.offered()
	w.until("several trials", func() bool { return s.offered() > offered+5 })
	if n := len(w.deadLetters()); n != 0 {
		t.Errorf("%d records were dead-lettered", n)
	}
	s.do(nil) // the mapping is mended
	want := ledger.Sums{Records: 2000, Delivered: 2000}
	if got := w.settled(1); got != want {
		t.Errorf("settled %+v, want %+v", got, want)
	}
}

func TestAFullDeadLetterStreamPausesDelivery(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	w.ensure()
	dead, err := stream.EnsureDead(w.ctx, w.js, testStream, streamConfig(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	resize := func(bytes int64) {
		info, err := w.js.Stream(w.ctx, dead)
		if err != nil {
			t.Fatal(err)
		}
		cfg := info.CachedInfo().Config
		cfg.MaxBytes = bytes
		if _, err := w.js.UpdateStream(w.ctx, cfg); err != nil {
			t.Fatal(err)
		}
	}
	resize(1)
	m := w.join(w.nc, testConfig(), s)
	const junk = 150 // more letters than are on their way at a time
	for range junk {
		w.publish([]byte("junk"), 1)
	}
	w.until("a reason on /ready", func() bool {
		return strings.Contains(strings.Join(m.NotReady(), ";"), "dead-letter stream is full")
	})
	w.store("a")
	start := time.Now()
	if err := m.stop(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took >= testConfig().DrainTimeout {
		t.Errorf("waited %v for room that does not come", took)
	}
	if s.len() != 0 {
		t.Error("delivery went on while dead letters could not be stored")
	}
	resize(1 << 20)
	w.join(w.nc, testConfig(), s)
	want := ledger.Sums{Records: junk + 1, Delivered: 1, Dead: junk}
	if got := w.settled(junk + 1); got != want {
		t.Errorf("settled %+v, want %+v", got, want)
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
	cfg.BatchSize, cfg.BatchTimeout = 1000, 10*time.Minute
	start := time.Now()
	w.join(w.nc, cfg, s)
	want := ledger.Sums{Records: blocks, Delivered: blocks, Already: blocks - 1}
	if got := w.settled(blocks); got != want {
		t.Errorf("settled %+v, want %+v", got, want)
	}
	if s.largest() != 1000 {
		t.Errorf("the largest batch has %d records, want 1000", s.largest())
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
	w.until("the redelivery taken in", func() bool { return metric(t, m, "lagermeister_subscriber_redeliveries_total") > 0 })
	close(blocked)
	want := ledger.Sums{Records: 2, Delivered: 2}
	if got := w.settled(1); got != want {
		t.Errorf("settled %+v, want %+v", got, want)
	}
	if s.offered() != 1 {
		t.Errorf("%d posts, want 1", s.offered())
	}
}

func TestSignsOfLifeKeepABlockFromOthers(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	release := make(chan struct{})
	s.do(func(batch []sink.Record, results []sink.Result) error {
		<-release
		return s.take(batch, results)
	})
	w.join(w.nc, testConfig(), s)
	w.hurry()
	w.store("a")
	end := time.Now().Add(1500 * time.Millisecond) // three times ack_wait
	w.until("time to pass", func() bool { return time.Now().After(end) })
	if n := w.consumer().NumRedelivered; n != 0 {
		t.Errorf("%d blocks were redelivered while they were worked on", n)
	}
	close(release)
	w.settled(1)
}

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
	if took := time.Since(start); took > 10*time.Second {
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
	posted, never := make(chan struct{}), make(chan struct{})
	s.do(func([]sink.Record, []sink.Result) error {
		close(posted)
		<-never
		return &sink.Error{Class: sink.Again}
	})
	cfg := testConfig()
	cfg.DrainTimeout = 50 * time.Millisecond
	m := w.join(w.nc, cfg, s)
	w.store("a")
	<-posted
	time.AfterFunc(300*time.Millisecond, func() { close(never) }) // the request ends with its context
	err := m.stop()
	var incomplete *Incomplete
	if !asIncomplete(err, &incomplete) || incomplete.Blocks != 1 || incomplete.ExitCode() != 75 {
		t.Errorf("got %v, want one block given back", err)
	}
	s.do(nil)
	w.join(w.nc, testConfig(), s)
	w.settled(1)
}

func TestUnsubscribeDeletesTheGroupOfTheLastMember(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	cfg := testConfig()
	cfg.Unsubscribe = true
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
