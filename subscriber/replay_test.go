package subscriber

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"lagermeister/deadletter"
	"lagermeister/ledger"
	"lagermeister/sink"
	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

// poison refuses documents that hold a word, as a bulk sink does.
func (s *scripted) poison(word string) {
	s.do(func(batch []sink.Record, results []sink.Result) error {
		for i, r := range batch {
			if results[i] = (sink.Result{Outcome: sink.Refused, Status: 400, Type: "bad", Reason: "no " + word}); !bytes.Contains(r.Doc, []byte(word)) {
				results[i] = sink.Result{Outcome: s.one(r)}
			}
		}
		return nil
	})
}

// came is how often the sink was given a record it took.
func (s *scripted) came(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.times[id]
}

// letter is the only dead letter.
func (w *world) letter() deadletter.Letter {
	w.Helper()
	list := w.deadLetters()
	if len(list) != 1 {
		w.Fatalf("%d dead letters, want 1", len(list))
	}
	l, err := deadletter.Parse(list[0].Subject, list[0].Header, list[0].Data)
	if err != nil {
		w.Fatal(err)
	}
	return l
}

func (w *world) send(msg *nats.Msg) {
	w.Helper()
	if _, err := w.js.PublishMsg(w.ctx, msg); err != nil {
		w.Fatal(err)
	}
}

// replayed waits until no replay is left.
func (w *world) replayed() {
	w.Helper()
	w.until("all replays acknowledged", func() bool { return w.stored(stream.Replay) == 0 })
}

// replays is a metric of replayed records with one outcome.
func replaysOf(t testing.TB, m *member, outcome string) (n float64) {
	t.Helper()
	families, err := m.reg.(*prometheus.Registry).Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, one := range f.GetMetric() {
			for _, label := range one.GetLabel() {
				if f.GetName() == "lagermeister_subscriber_replayed_records_total" && label.GetValue() == outcome {
					n += one.GetCounter().GetValue()
				}
			}
		}
	}
	return n
}

func TestAReplayedDeadLetterMovesToTheDelivered(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	s.poison("poison")
	cfg := testConfig()
	cfg.MatchSpec = `Payload != "poison 2"`
	m := w.join(w.nc, cfg, s)
	w.store("a", "poison 1", "b")
	w.settled(1)
	l := w.letter()
	s.do(nil)
	w.send(l.Replay())
	w.replayed()
	if want, got := (ledger.Sums{Records: 3, Delivered: 3}), w.settled(1); got != want {
		t.Errorf("settled %+v, want %+v", got, want)
	}
	if doc := s.docs[l.ID]; !strings.Contains(doc, `"1.1"`) {
		t.Errorf("the sink has %q under the id %s of the letter", doc, l.ID)
	}
	if n := len(w.deadLetters()); n != 0 {
		t.Errorf("%d dead letters are left", n)
	}
	if n := replaysOf(t, m, replayDelivered); n != 1 {
		t.Errorf("%v replays counted as delivered", n)
	}
	if n := metric(t, m, "lagermeister_subscriber_records_total"); n != 3 {
		t.Errorf("%v records of the stream counted, want 3", n)
	}
}

// A member that dies between two steps of a replay leaves the rest to the next one.
func TestACrashDuringAReplayMovesTheLetterOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, denied string
		settlements  uint64 // messages in the ledger when the first member dies
		dead         int    // entries left then
		times        int    // the sink is asked
	}{
		{"before the sink", "$JS.API.STREAM.MSG.GET.logs_DEAD", 1, 1, 1},
		{"before the settlement", "lm.ledger.>", 1, 1, 2},
		{"before the removal", "$JS.API.STREAM.PURGE.logs_DEAD", 2, 1, 2},
		{"before the ack", "$JS.ACK.LM_REPLAY.>", 2, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorldAs(t, "member", fmt.Sprintf(`authorization { users = [
				{ user: member, password: x }
				{ user: doomed, password: x, permissions: { publish: { deny: [%q] } } }
			] }`, c.denied))
			s := newScripted()
			s.poison("poison")
			first := w.join(w.nc, testConfig(), s)
			w.store("a", "poison")
			w.until("the block settled", func() bool { return w.consumer().AckFloor.Stream == 1 })
			if err := first.stop(); err != nil {
				t.Fatal(err)
			}
			l := w.letter()
			s.do(nil)

			cfg := testConfig()
			cfg.DrainTimeout = 50 * time.Millisecond
			cfg.pace.progress = time.Hour
			cfg.pace.look = time.Hour // no folding, so that messages of the ledger can be counted
			doomed := streamtest.Connect(t, w.srv, nats.UserInfo("doomed", "x"))
			m := w.open(doomed, cfg, s)
			replays, err := w.js.Consumer(w.ctx, stream.Replay, stream.ReplayDurable(testStream, testGroup))
			if err != nil {
				t.Fatal(err)
			}
			hasty := replays.CachedInfo().Config
			hasty.AckWait = 300 * time.Millisecond
			if _, err := w.js.UpdateConsumer(w.ctx, stream.Replay, hasty); err != nil {
				t.Fatal(err)
			}
			for _, src := range m.sources { // settled as far as it is to know
				if src.replays.state, err = src.fold(w.ctx); err != nil && c.denied != "lm.ledger.>" {
					t.Fatal(err)
				}
			}
			before := w.stored(stream.Ledger)
			run := w.run(m)
			w.send(l.Replay())
			w.until("the steps before the crash", func() bool {
				return w.stored(stream.Ledger) == before+c.settlements-1 && len(w.deadLetters()) == c.dead &&
					(c.denied == "$JS.API.STREAM.MSG.GET.logs_DEAD" || s.came(l.ID) > 0)
			})
			if n := w.stored(stream.Replay); n != 1 {
				t.Fatalf("%d replays before all steps are done, want 1", n)
			}
			doomed.Close()
			_ = run.stop()

			w.join(w.nc, testConfig(), s)
			w.hurryReplays()
			w.replayed()
			if want, got := (ledger.Sums{Records: 2, Delivered: 2}), w.settled(1); got != want {
				t.Errorf("settled %+v, want %+v", got, want)
			}
			if n := len(w.deadLetters()); n != 0 {
				t.Errorf("%d dead letters are left", n)
			}
			if n := s.came(l.ID); n < c.times {
				t.Errorf("the sink was asked %d times, want %d", n, c.times)
			}
		})
	}
}

// hurryReplays has the server give unanswered replays to others soon.
func (w *world) hurryReplays() {
	w.Helper()
	c, err := w.js.Consumer(w.ctx, stream.Replay, stream.ReplayDurable(testStream, testGroup))
	if err != nil {
		w.Fatal(err)
	}
	cfg := c.CachedInfo().Config
	cfg.AckWait = 500 * time.Millisecond
	if _, err := w.js.UpdateConsumer(w.ctx, stream.Replay, cfg); err != nil {
		w.Fatal(err)
	}
}

func TestALetterThatIsRefusedAgainStaysWithOneAttemptMore(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	s.poison("poison")
	m := w.join(w.nc, testConfig(), s)
	w.store("a", "poison")
	w.settled(1)
	l := w.letter()
	w.send(l.Replay())
	w.replayed()
	again := w.letter()
	if again.Attempts != 2 || !again.Last.After(l.Last) || !again.First.Equal(l.First) || again.ID != l.ID || again.Reason != "no poison" || !bytes.Equal(again.Frame, l.Frame) {
		t.Errorf("first %+v\nthen %+v", l, again)
	}
	if want, got := (ledger.Sums{Records: 2, Delivered: 1, Dead: 1}), w.settled(1); got != want {
		t.Errorf("settled %+v, want %+v", got, want)
	}
	if n := replaysOf(t, m, replayRefused); n != 1 {
		t.Errorf("%v replays counted as refused", n)
	}
	s.do(nil) // and later it can still be delivered
	w.send(again.Replay())
	w.replayed()
	if want, got := (ledger.Sums{Records: 2, Delivered: 2}), w.settled(1); got != want {
		t.Errorf("settled %+v, want %+v", got, want)
	}
}

func TestAReplayWhoseLetterIsGoneIsOnlyAcknowledged(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	s.poison("poison")
	m := w.join(w.nc, testConfig(), s)
	w.store("a", "poison")
	w.settled(1)
	l := w.letter()
	dead, err := w.js.Stream(w.ctx, stream.DeadName(testStream))
	if err != nil {
		t.Fatal(err)
	}
	if err := dead.Purge(w.ctx); err != nil {
		t.Fatal(err)
	}
	s.do(nil)
	w.send(l.Replay())
	foreign := l.Replay()
	foreign.Header.Set(stream.HeaderDead, "lm.dead.logs.other.1.1.1")
	w.send(foreign)
	w.send(&nats.Msg{Subject: stream.ReplaySubject(testStream, testGroup), Data: []byte("what?")})
	w.replayed()
	if s.came(l.ID) != 0 || replaysOf(t, m, replayGone) != 2 || replaysOf(t, m, replayDropped) != 1 {
		t.Errorf("%d times at the sink, %v gone, %v dropped", s.came(l.ID), replaysOf(t, m, replayGone), replaysOf(t, m, replayDropped))
	}
	if want, got := (ledger.Sums{Records: 2, Delivered: 1, Dead: 1}), w.settled(1); got != want {
		t.Errorf("settled %+v, want %+v", got, want)
	}
}

// A letter is stored before its block is settled; in between it is not to be moved.
func TestALetterOfAnUnsettledBlockWaits(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	s.do(func(batch []sink.Record, results []sink.Result) error {
		for i, r := range batch {
			results[i] = sink.Result{Outcome: sink.Retry}
			if bytes.Contains(r.Doc, []byte("poison")) {
				results[i] = sink.Result{Outcome: sink.Refused, Status: 400, Type: "bad"}
			}
		}
		return &sink.Error{Class: sink.Again, Status: 503}
	})
	w.join(w.nc, testConfig(), s)
	w.store("poison", "slow")
	w.until("a dead letter", func() bool { return len(w.deadLetters()) == 1 })
	l := w.letter()
	w.send(l.Replay())
	replays, err := w.js.Consumer(w.ctx, stream.Replay, stream.ReplayDurable(testStream, testGroup))
	if err != nil {
		t.Fatal(err)
	}
	w.until("the replay put off several times", func() bool {
		info, err := replays.Info(w.ctx)
		return err == nil && info.Delivered.Consumer > 3
	})
	if n := len(w.deadLetters()); n != 1 {
		t.Fatalf("%d dead letters, want 1", n)
	}
	s.do(nil)
	w.replayed()
	if want, got := (ledger.Sums{Records: 2, Delivered: 2}), w.settled(1); got != want {
		t.Errorf("settled %+v, want %+v", got, want)
	}
}

// run is a replay of a run of records that stand in block seq from index on.
func (w *world) runOf(seq uint64, index int, payloads ...string) *nats.Msg {
	w.Helper()
	block, err := w.js.Stream(w.ctx, testStream)
	if err != nil {
		w.Fatal(err)
	}
	msg, err := block.GetMsg(w.ctx, seq)
	if err != nil {
		w.Fatal(err)
	}
	var body []byte
	for _, p := range payloads {
		body = append(body, frame(w, p)...)
	}
	return &nats.Msg{Subject: stream.ReplaySubject(testStream, testGroup), Data: body, Header: nats.Header{
		stream.HeaderOrigin:   {msg.Header.Get(stream.HeaderMsgID)},
		stream.HeaderIndex:    {strconv.Itoa(index)},
		stream.HeaderCut:      {msg.Header.Get(stream.HeaderCut)},
		stream.HeaderSequence: {strconv.FormatUint(seq, 10)},
	}}
}

func TestAReplayedRunHasTheIdsItHadBeforeAndSettlesNothing(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	cfg := testConfig()
	cfg.MatchSpec = `Payload != "dropped"`
	m := w.join(w.nc, cfg, s)
	w.store("a", "b", "dropped", "c")
	w.settled(1)
	docs := map[string]string{}
	for id, doc := range s.docs {
		docs[id] = doc
	}
	w.send(w.runOf(1, 1, "b", "dropped", "c"))
	w.replayed()
	if s.len() != 3 {
		t.Errorf("the sink has %d records, want 3", s.len())
	}
	twice := 0
	for id, doc := range s.docs {
		if docs[id] != doc {
			t.Errorf("document %s\nwas  %s", doc, docs[id])
		}
		if s.times[id] == 2 {
			twice++
		}
	}
	if twice != 2 || replaysOf(t, m, replayFiltered) != 1 {
		t.Errorf("%d records came twice, want 2; %v filtered", twice, replaysOf(t, m, replayFiltered))
	}
	s.poison("b")
	w.send(w.runOf(1, 0, "a", "b"))
	w.replayed()
	if n := len(w.deadLetters()); n != 0 || replaysOf(t, m, replayRefused) != 1 {
		t.Errorf("%d dead letters of a replay without one, %v refused", n, replaysOf(t, m, replayRefused))
	}
	if want, got := (ledger.Sums{Records: 4, Delivered: 3, Filtered: 1}), w.settled(1); got != want {
		t.Errorf("settled %+v, want %+v", got, want)
	}
}

func TestRefusedReplaysDoNotPauseTheSink(t *testing.T) {
	t.Parallel()
	const letters = 700 // more than half of the last 1,000
	w, s := newWorld(t), newScripted()
	w.ensure()
	s.poison("poison")
	cfg := testConfig()
	cfg.MaxRefused = 1
	m := w.join(w.nc, cfg, s)
	w.store(payloads("poison", letters)...)
	w.settled(1)
	_ = m.stop()

	m = w.join(w.nc, testConfig(), s)
	for _, raw := range w.deadLetters() {
		l, err := deadletter.Parse(raw.Subject, raw.Header, raw.Data)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.js.PublishMsgAsync(l.Replay(), jetstream.WithStallWait(streamtest.Timeout)); err != nil {
			t.Fatal(err)
		}
	}
	w.replayed()
	if n := metric(t, m, "lagermeister_subscriber_pauses_total"); n != 0 {
		t.Errorf("%v pauses", n)
	}
	w.store("live")
	if want, got := (ledger.Sums{Records: letters + 1, Delivered: 1, Dead: letters}), w.settled(2); got != want {
		t.Errorf("settled %+v, want %+v", got, want)
	}
}

// What was found between frames is no message, even if its bytes happen to decode as one.
func TestTornBytesStayUndecodable(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	w.join(w.nc, testConfig(), s)
	w.publish(bytes.Join([][]byte{frame(t, "a"), message(t, "torn")}, nil), 2)
	w.settled(1)
	l := w.letter()
	w.send(l.Replay())
	w.replayed()
	if again := w.letter(); again.ErrorType != deadletter.Undecodable || again.Attempts != 2 || s.len() != 1 {
		t.Errorf("%+v with %d records at the sink", again, s.len())
	}
}

func TestAForwardingGroupTakesNoReplays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := OpenForward(w.ctx, w.nc, testConfig(), streamConfig(), &forwarder{}, quiet(), prometheus.NewRegistry(), nil); err != nil {
		t.Fatal(err)
	}
	if takes, err := stream.TakesReplays(w.ctx, w.js, testStream, testGroup); err != nil || takes {
		t.Errorf("takes replays: %v, %v", takes, err)
	}
}
