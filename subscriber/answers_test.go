package subscriber

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"lagermeister/heka"
	"lagermeister/ledger"
	"lagermeister/sink"
	"lagermeister/stream"
)

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
	if _, limit := m.gate.inFlight(); limit < startPosts/2 || limit >= startPosts { // it grows with time
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
