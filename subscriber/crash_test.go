package subscriber

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"lagermeister/internal/freeport"
	"lagermeister/ledger"
	"lagermeister/sink"
	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

// A member that dies between two steps leaves the rest of them to the next one:
// the broker denies it the next step, and then it is gone without a word.
func TestACrashBetweenTwoStepsRepeatsOnlyTheLaterOnes(t *testing.T) {
	t.Parallel()
	refuse := func(s *scripted) func([]sink.Record, []sink.Result) error {
		return func(batch []sink.Record, results []sink.Result) error {
			for i, r := range batch {
				if results[i] = (sink.Result{Outcome: sink.Refused, Status: 400, Type: "bad"}); !bytes.Contains(r.Doc, []byte("poison")) {
					results[i] = sink.Result{Outcome: s.one(r)}
				}
			}
			return nil
		}
	}
	for _, c := range []struct {
		name, denied      string
		dead, settlements uint64 // stored by the member that dies
		already           uint64 // what the sink says to the next
	}{
		{"before the dead letter", "lm.dead.>", 0, 0, 2},
		{"before the settlement", "lm.ledger.>", 1, 0, 2},
		{"before the ack", "$JS.ACK.>", 1, 1, 0}, // the first settlement wins
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorldAs(t, "member", fmt.Sprintf(`authorization { users = [
				{ user: member, password: x }
				{ user: doomed, password: x, permissions: { publish: { deny: [%q] } } }
			] }`, c.denied))
			s := newScripted()
			s.do(refuse(s))
			cfg := testConfig()
			cfg.DrainTimeout = 50 * time.Millisecond
			doomed := streamtest.Connect(t, w.srv, nats.UserInfo("doomed", "x"))
			m := w.join(doomed, cfg, s)
			w.store("a", "poison", "b")

			w.until("the sink's answer", func() bool { return s.len() == 2 })
			w.until("the steps before the crash", func() bool {
				return uint64(len(w.deadLetters())) == c.dead && w.stored(stream.Ledger) == c.settlements
			})
			if info := w.consumer(); info.NumAckPending != 1 {
				t.Fatalf("%d blocks are unacknowledged before all steps are done, want 1", info.NumAckPending)
			}
			doomed.Close()
			_ = m.stop() // it cannot do anything any more

			w.join(w.nc, testConfig(), s)
			w.hurry()
			want := ledger.Sums{Records: 3, Delivered: 2, Already: c.already, Dead: 1}
			if got := w.settled(1); got != want {
				t.Errorf("settled %+v, want %+v", got, want)
			}
			if n := len(w.deadLetters()); n != 1 {
				t.Errorf("%d dead letters, want 1", n)
			}
		})
	}
}

func TestALostBrokerLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w, s := newWorld(t, streamtest.Store(dir), streamtest.Addr(freeport.Addr())), newScripted()
	addr := strings.TrimPrefix(w.srv.ClientURL(), "nats://")
	w.join(w.nc, testConfig(), s)
	for i := range 50 {
		w.store(payloads(fmt.Sprint("before ", i), 20)...)
	}
	w.until("some records at the sink", func() bool { return s.len() > 100 })
	w.srv.Shutdown()
	streamtest.Server(t, streamtest.Store(dir), streamtest.Addr(addr))
	w.until("the connection back", w.nc.IsConnected)
	w.until("JetStream back", func() bool {
		ctx, cancel := context.WithTimeout(w.ctx, time.Second) // what went to the old server has no answer
		defer cancel()
		_, err := w.js.Publish(ctx, testStream, frame(t, "after"), jetstream.WithMsgID("after"))
		return err == nil
	})
	w.hurry()
	w.until("all records at the sink", func() bool { return s.len() == 1001 })
	w.until("everything settled", func() bool {
		info := w.consumer()
		return info.NumPending == 0 && info.NumAckPending == 0
	})
	if sums := w.folded().Sums; sums.Records != sums.Delivered || sums.Delivered < 1001 {
		t.Errorf("settled %+v", sums)
	}
}

// forwarder stores blocks in memory.
type forwarder struct {
	origins []string
	headers []nats.Header
	refuse  bool
}

func (f *forwarder) Forward(_ context.Context, origin string, header nats.Header, body []byte, stored func(error)) error {
	if f.refuse {
		return fmt.Errorf("block of %d bytes is too large", len(body))
	}
	f.origins, f.headers = append(f.origins, origin), append(f.headers, header)
	go stored(nil)
	return nil
}

func TestWholeBlocksAreForwardedAsTheyAre(t *testing.T) {
	t.Parallel()
	w, f := newWorld(t), &forwarder{}
	m, err := OpenForward(w.ctx, w.nc, testConfig(), streamConfig(), f, quiet(), prometheus.NewRegistry(), nil)
	if err != nil {
		t.Fatal(err)
	}
	w.run(m)
	w.store("a", "b", "c")
	if _, err := w.js.Publish(w.ctx, testStream, message(t, "bare")); err != nil {
		t.Fatal(err)
	}
	want := ledger.Sums{Records: 4, Delivered: 4}
	if got := w.settled(2); got != want {
		t.Errorf("settled %+v, want %+v", got, want)
	}
	info, err := w.js.Stream(w.ctx, testStream)
	if err != nil {
		t.Fatal(err)
	}
	origin := fmt.Sprintf("%s/%d/2", testStream, info.CachedInfo().Created.UnixNano())
	if f.origins[0] != t.Name()+"-1" || f.origins[1] != origin {
		t.Errorf("origins %q, want the block's own id and %s", f.origins, origin)
	}
	if f.headers[0].Get(stream.HeaderRecords) != "3" || f.headers[0].Get(stream.HeaderCut) != "1700000000123" || f.headers[1].Get(stream.HeaderRecords) != "1" {
		t.Errorf("headers %v", f.headers)
	}
}

func TestABlockThatCannotBeForwardedIsKeptAndTold(t *testing.T) {
	t.Parallel()
	w, f := newWorld(t), &forwarder{refuse: true}
	m, err := OpenForward(w.ctx, w.nc, testConfig(), streamConfig(), f, quiet(), prometheus.NewRegistry(), nil)
	if err != nil {
		t.Fatal(err)
	}
	w.run(m)
	w.store("a")
	w.until("a reason on /ready", func() bool { return len(m.NotReady()) > 0 })
	if n := w.consumer().NumAckPending; n != 1 {
		t.Errorf("%d blocks unacknowledged, want 1", n)
	}
}

func TestAWildcardReadsStreamsThatComeLater(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	cfg, streams := testConfig(), streamConfig()
	streams.Subject = "site.*"
	m := w.openOn(w.nc, cfg, streams, s)
	w.run(m)
	if reasons := m.NotReady(); len(reasons) != 1 {
		t.Errorf("reasons %q, want one: no stream", reasons)
	}
	for _, subject := range []string{"site.a", "site.b"} {
		one := streams
		one.Subject = subject
		if _, err := stream.Ensure(w.ctx, w.js, one, quiet()); err != nil {
			t.Fatal(err)
		}
		if _, err := w.js.Publish(w.ctx, subject, frame(t, subject)); err != nil {
			t.Fatal(err)
		}
	}
	w.until("records of both streams", func() bool { return s.len() == 2 })
}

func TestAFullLedgerIsFoldedAndGoesOn(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newScripted()
	cfg := testConfig()
	cfg.pace.look = 10 * time.Millisecond
	m := w.open(w.nc, cfg, s)
	l, err := w.js.Stream(w.ctx, stream.Ledger)
	if err != nil {
		t.Fatal(err)
	}
	small := l.CachedInfo().Config
	small.MaxBytes = 600
	if _, err := w.js.UpdateStream(w.ctx, small); err != nil {
		t.Fatal(err)
	}
	w.run(m)
	for i := range 30 {
		w.store(fmt.Sprint("a ", i))
		w.until("the block acknowledged", func() bool { return w.consumer().AckFloor.Stream == uint64(i+1) })
	}
	want := ledger.Sums{Records: 30, Delivered: 30}
	if got := w.settled(30); got != want {
		t.Errorf("settled %+v, want %+v", got, want)
	}
}
