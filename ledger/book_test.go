package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

// world is a main stream with groups, and what a subscriber makes beside it.
type world struct {
	t      *testing.T
	ctx    context.Context
	js     jetstream.JetStream
	cfg    stream.Config
	epochs map[string]string
}

func newWorld(t *testing.T, groups ...string) *world {
	t.Helper()
	ctx, js, _ := open(t)
	w := &world{t, ctx, js, stream.Config{Subject: "main", StreamReplicas: 1, StreamMaxBytes: 16 << 20, DuplicateWindow: time.Minute}, map[string]string{}}
	if _, err := stream.Ensure(ctx, js, w.cfg, quiet()); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.EnsureDead(ctx, js, "main", w.cfg, quiet()); err != nil {
		t.Fatal(err)
	}
	for _, g := range groups {
		w.group(g)
	}
	return w
}

// group creates a group that starts at the first stored block.
func (w *world) group(name string) {
	w.t.Helper()
	_, epoch, _, err := stream.EnsureConsumer(w.ctx, w.js, "main", name, stream.StartOptions{AllByDefault: true}, quiet())
	if err != nil {
		w.t.Fatal(err)
	}
	w.epochs[name] = fmt.Sprint(epoch)
}

// store stores blocks of so many records.
func (w *world) store(records ...int) {
	w.t.Helper()
	for _, n := range records {
		msg := &nats.Msg{Subject: "main", Header: nats.Header{stream.HeaderRecords: {fmt.Sprint(n)}}, Data: []byte("x")}
		if n == 0 {
			msg.Header = nil
		}
		if _, err := w.js.PublishMsg(w.ctx, msg); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) settle(group string, blocks ...Block) {
	publish(w.t, w.ctx, w.js, group, w.epochs[group], settlement(blocks...))
}

// balances are what NATS itself says, by group.
func (w *world) balances() map[string]Balance {
	w.t.Helper()
	books, unread, err := Balances(w.ctx, w.js, []string{"main"}, streamtest.Timeout)
	if err != nil || unread != 0 {
		w.t.Fatalf("%d unread, %v", unread, err)
	}
	found := map[string]Balance{}
	for _, g := range books.Streams[0].Groups {
		found[g.Group] = g
	}
	return found
}

// expect compares the figures of a group that matter.
func (w *world) expect(group string, got, want Balance) {
	w.t.Helper()
	got = Balance{State: got.State, Closed: got.Closed, Stored: got.Stored, Delivered: got.Delivered, Filtered: got.Filtered,
		Dead: got.Dead, Pending: got.Pending, Expired: got.Expired, Difference: got.Difference}
	if got != want {
		w.t.Errorf("group %s\ngot  %+v\nwant %+v", group, got, want)
	}
}

func TestEveryRecordIsInOnePlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a", "b")
	w.store(10, 20, 0, 40)
	w.settle("a", Block{Sequence: 1, Records: 10, Delivered: 7, Already: 2, Filtered: 2, Dead: 1}, Block{Sequence: 3, Records: 2, Delivered: 2})
	got := w.balances()
	w.expect("a", got["a"], Balance{State: Balanced, Stored: 72, Delivered: 9, Filtered: 2, Dead: 1, Pending: 60})
	w.expect("b", got["b"], Balance{State: Balanced, Stored: 71, Pending: 71})
	if got["a"].SettledTo != 1 || got["a"].PendingBlocks != 2 || got["a"].Already != 2 {
		t.Errorf("%+v", got["a"])
	}

	w.settle("a", Block{Sequence: 2, Records: 20, Delivered: 20}, Block{Sequence: 4, Records: 40, Delivered: 40})
	w.expect("a", w.balances()["a"], Balance{State: Balanced, Stored: 72, Delivered: 69, Filtered: 2, Dead: 1})
	publish(t, w.ctx, w.js, "a", w.epochs["a"], Message{Moved: []string{"1.3"}})
	w.expect("a", w.balances()["a"], Balance{State: Balanced, Stored: 72, Delivered: 70, Filtered: 2})
}

func TestWhatLeftTheStreamUnsettledIsExpired(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a")
	w.store(10, 20, 30, 40)
	w.settle("a", Block{Sequence: 2, Records: 20, Delivered: 20})
	s, err := w.js.Stream(w.ctx, "main")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(w.ctx, jetstream.WithPurgeSequence(4)); err != nil {
		t.Fatal(err)
	}
	// Nobody has counted 1 and 3 while they were there: a record each.
	w.expect("a", w.balances()["a"], Balance{State: Balanced, Stored: 62, Delivered: 20, Pending: 40, Expired: 2})
}

func TestASettlementThatDoesNotAddUpIsADifference(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		block Block
		start uint64 // of the group
		by    int64
	}{
		"records nowhere":         {Block{Sequence: 1, Records: 10, Delivered: 8}, 1, 2},
		"records twice":           {Block{Sequence: 1, Records: 10, Delivered: 10, Dead: 3}, 1, -3},
		"a block never stored":    {Block{Sequence: 99, Records: 10, Delivered: 10}, 1, -1},
		"a block of another time": {Block{Sequence: 3, Records: 10, Delivered: 10}, 4, -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.store(10, 10, 10, 10)
			_, epoch, _, err := stream.EnsureConsumer(w.ctx, w.js, "main", "a", stream.StartOptions{StartSeq: c.start}, quiet())
			if err != nil {
				t.Fatal(err)
			}
			w.epochs["a"] = fmt.Sprint(epoch)
			w.settle("a", c.block)
			if got := w.balances()["a"]; got.Difference != c.by || got.State != Difference {
				t.Errorf("%+v, expected a difference of %d", got, c.by)
			}
		})
	}
}

func TestAGroupThatIsGoneIsClosedAndANewLifeStartsAfresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a")
	w.store(10, 20)
	w.settle("a", Block{Sequence: 1, Records: 10, Delivered: 10})
	if err := w.js.DeleteConsumer(w.ctx, "main", "a"); err != nil {
		t.Fatal(err)
	}
	w.expect("a", w.balances()["a"], Balance{State: Balanced, Closed: true, Stored: 10, Delivered: 10})
	old := w.epochs["a"]
	w.group("a")
	w.settle("a", Block{Sequence: 2, Records: 20, Filtered: 20})
	publish(t, w.ctx, w.js, "a", old, settlement(Block{Sequence: 1, Records: 10, Delivered: 10})) // too late
	w.expect("a", w.balances()["a"], Balance{State: Balanced, Stored: 30, Filtered: 20, Pending: 10})
}

// keep runs a book until the test ends.
func (w *world) keep(reg prometheus.Registerer) *Book {
	b := NewBook(w.js, quiet(), reg)
	b.every = 20 * time.Millisecond
	ctx, cancel := context.WithCancel(w.t.Context())
	var wait sync.WaitGroup
	wait.Go(func() { _ = b.Run(ctx) })
	w.t.Cleanup(func() { cancel(); wait.Wait() })
	return b
}

func TestABookFoldsEveryGroupAndKeepsTheirBalances(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a", "b")
	w.store(10, 20, 30)
	w.settle("a", Block{Sequence: 1, Records: 10, Delivered: 10}, Block{Sequence: 2, Records: 20, Delivered: 20}, Block{Sequence: 3, Records: 30, Delivered: 30})
	w.settle("b", Block{Sequence: 2, Records: 20, Dead: 20})
	reg := prometheus.NewRegistry()
	book := w.keep(reg)
	figures := func() string {
		var s []string
		for _, one := range book.Books().Streams {
			for _, g := range one.Groups {
				s = append(s, fmt.Sprintf("%s/%s %s %d=%d+%d+%d+%d %d", one.Stream, g.Group, g.State, g.Stored, g.Delivered, g.Filtered, g.Dead, g.Pending, g.Difference))
			}
		}
		return strings.Join(s, "; ")
	}
	want := "main/a balanced 60=60+0+0+0 0; main/b balanced 60=0+0+20+40 0"
	streamtest.Eventually(t, want, func() bool { return figures() == want })
	if n := left(t, w.ctx, w.js); n != 0 {
		t.Errorf("%d settlements left", n)
	}
	body, err := book.JSON()
	var books Books
	if err == nil {
		err = json.Unmarshal(body, &books)
	}
	if err != nil || len(books.Streams) != 1 || len(books.Streams[0].Groups) != 2 || books.At.IsZero() {
		t.Errorf("%s, %v", body, err)
	}
	if err := testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP lagermeister_ledger_unaccounted_records Records of a group that are nowhere, or (negative) counted twice: 0 unless something is wrong.
# TYPE lagermeister_ledger_unaccounted_records gauge
lagermeister_ledger_unaccounted_records{group="a",stream="main"} 0
lagermeister_ledger_unaccounted_records{group="b",stream="main"} 0
`), "lagermeister_ledger_unaccounted_records"); err != nil {
		t.Error(err)
	}

	// A group that comes later wants counts that nobody has kept.
	w.group("c")
	want += "; main/c balanced 60=0+0+0+60 0"
	streamtest.Eventually(t, want, func() bool { return figures() == want })
}

func TestABookWithoutABalanceSaysSo(t *testing.T) {
	t.Parallel()
	_, js := streamtest.New(t)
	b := NewBook(js, quiet(), nil)
	if _, err := b.JSON(); err == nil {
		t.Error("a balance before the first round")
	}
	b.round(t.Context())
	if body, err := b.JSON(); err != nil || !strings.Contains(string(body), `"streams":[]`) {
		t.Errorf("%s, %v", body, err)
	}
	js.Conn().Close()
	b.round(t.Context())
	if body, err := b.JSON(); err != nil || !strings.Contains(string(body), `"error":"`) {
		t.Errorf("%s, %v: expected the old balance, with the reason", body, err)
	}
}
