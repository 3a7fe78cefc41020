package ledger

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

var errDied = errors.New("died")

// mortal is a folder's JetStream that dies when it is asked for a stream, which
// is before it purges, or while it reads.
type mortal struct {
	jetstream.JetStream
	beforePurge, whileReading bool
}

func (m *mortal) Stream(ctx context.Context, name string) (jetstream.Stream, error) {
	if m.beforePurge && name == stream.Ledger {
		return nil, errDied
	}
	return m.JetStream.Stream(ctx, name)
}

func (m *mortal) CreateConsumer(ctx context.Context, name string, cfg jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	if m.whileReading {
		return nil, errDied
	}
	return m.JetStream.CreateConsumer(ctx, name, cfg)
}

// mortalKV dies before it writes, or after that without telling.
type mortalKV struct {
	jetstream.KeyValue
	before, after bool
}

func (m *mortalKV) die(write func() (uint64, error)) (uint64, error) {
	if m.before {
		return 0, errDied
	}
	n, err := write()
	if m.after {
		return 0, errDied
	}
	return n, err
}

func (m *mortalKV) Create(ctx context.Context, key string, value []byte, _ ...jetstream.KVCreateOpt) (uint64, error) {
	return m.die(func() (uint64, error) { return m.KeyValue.Create(ctx, key, value) })
}

func (m *mortalKV) Update(ctx context.Context, key string, value []byte, last uint64) (uint64, error) {
	return m.die(func() (uint64, error) { return m.KeyValue.Update(ctx, key, value, last) })
}

func left(t *testing.T, ctx context.Context, js jetstream.JetStream) uint64 {
	t.Helper()
	l, err := js.Stream(ctx, stream.Ledger)
	if err != nil {
		t.Fatal(err)
	}
	return l.CachedInfo().State.Msgs
}

// A folder that dies at any step, at its first state or at a later one, leaves
// behind what the next one needs to come to the right sums and an empty ledger.
func TestAFolderMayDieAtEveryStep(t *testing.T) {
	t.Parallel()
	for name, die := range map[string]func(*mortal, *mortalKV){
		"while it reads":                     func(m *mortal, _ *mortalKV) { m.whileReading = true },
		"after reading, before it writes":    func(_ *mortal, k *mortalKV) { k.before = true },
		"after writing, without knowing it":  func(_ *mortal, k *mortalKV) { k.after = true },
		"after writing, before it purges":    func(m *mortal, _ *mortalKV) { m.beforePurge = true },
		"when it has written lost, and else": func(m *mortal, k *mortalKV) { k.after, m.beforePurge = true, true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, js, kv := open(t)
			good := Folder{Stream: "main", Group: "group", Epoch: 77, Baseline: 1, JS: js, KV: kv}
			for round := range uint64(2) {
				for i := range uint64(5) {
					publish(t, ctx, js, "group", "77", settlement(
						Block{Sequence: 10*round + i + 1, Records: 3, Delivered: 2, Dead: 1}, Block{Sequence: 1, Records: 9, Delivered: 9}))
				}
				js, kv := &mortal{JetStream: js}, &mortalKV{KeyValue: kv}
				die(js, kv)
				bad := Folder{Stream: "main", Group: "group", Epoch: 77, Baseline: 1, JS: js, KV: kv}
				if _, err := bad.Fold(ctx); !errors.Is(err, errDied) {
					t.Fatalf("round %d: %v, expected that it dies", round, err)
				}
				before := left(t, ctx, good.JS)
				peeked, err := good.Peek(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if now := left(t, ctx, good.JS); now != before {
					t.Errorf("peeking left %d of %d settlements", now, before)
				}
				state, err := good.Fold(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if n := 5 * (round + 1); state.Sums != (Sums{Records: 3 * n, Delivered: 2 * n, Dead: n}) {
					t.Errorf("round %d: sums %+v", round, state.Sums)
				}
				if !reflect.DeepEqual(peeked.Sums, state.Sums) || !reflect.DeepEqual(peeked.Settled, state.Settled) {
					t.Errorf("round %d: peeked %+v, folded %+v", round, peeked, state)
				}
				if n := left(t, ctx, good.JS); n != 0 {
					t.Errorf("round %d: %d settlements left", round, n)
				}
			}
		})
	}
}

// naive does what folding promises, with a map.
type naive struct {
	epoch   int64
	settled map[uint64]Block
	moved   map[string]bool
}

func (n *naive) apply(epoch int64, m Message) {
	if epoch > n.epoch {
		*n = naive{epoch: epoch, settled: map[uint64]Block{}, moved: map[string]bool{}}
	}
	if epoch < n.epoch {
		return
	}
	for _, b := range m.Blocks {
		if _, again := n.settled[b.Sequence]; !again {
			n.settled[b.Sequence] = b
		}
	}
	for _, p := range m.Moved {
		n.moved[p] = true
	}
}

func (n *naive) sums() (s Sums) {
	for _, b := range n.settled {
		s.add(b)
	}
	s.Dead -= uint64(len(n.moved))
	s.Delivered += uint64(len(n.moved))
	return s
}

// Members settle what they like, in any order, again and again, over several
// lives of the group; folders fold, die and race meanwhile. It comes out as if
// each block and each moved letter had been counted once.
func TestFoldingEqualsANaiveModel(t *testing.T) {
	t.Parallel()
	ctx, js, kv := open(t)
	r := rand.New(rand.NewPCG(1, 2))
	model := naive{settled: map[uint64]Block{}, moved: map[string]bool{}}
	var epoch int64 = 100
	for range 400 {
		if r.IntN(60) == 0 {
			epoch += int64(r.IntN(3))
		}
		var m Message
		for range r.IntN(20) {
			records := 1 + r.Uint64N(9)
			dead := r.Uint64N(records + 1)
			m.Blocks = append(m.Blocks, Block{Sequence: 1 + r.Uint64N(500), Records: records, Delivered: records - dead, Dead: dead})
		}
		at := max(epoch-int64(r.IntN(20)/19), 1) // now and then a member of an older life
		if at == model.epoch {
			for sequence, b := range model.settled { // a replay of one of its letters
				if b.Dead > 0 {
					m.Moved = append(m.Moved, fmt.Sprintf("%d.%d", sequence, r.Uint64N(b.Dead)))
				}
				if r.IntN(3) == 0 {
					break
				}
			}
		}
		publish(t, ctx, js, "group", fmt.Sprint(at), m)
		model.apply(at, m)

		if r.IntN(10) > 0 {
			continue
		}
		var wait sync.WaitGroup
		for range 1 + r.IntN(3) {
			f := Folder{Stream: "main", Group: "group", JS: &mortal{JetStream: js, beforePurge: r.IntN(4) == 0},
				KV: &mortalKV{KeyValue: kv, before: r.IntN(6) == 0, after: r.IntN(6) == 0}}
			wait.Go(func() {
				if _, err := f.Fold(ctx); err != nil && !errors.Is(err, errDied) {
					t.Error(err)
				}
			})
		}
		wait.Wait()
	}
	f := Folder{Stream: "main", Group: "group", JS: js, KV: kv}
	state, err := f.Fold(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if state.Sums != model.sums() || state.Epoch != model.epoch {
		t.Errorf("epoch %d, sums %+v, expected %d, %+v", state.Epoch, state.Sums, model.epoch, model.sums())
	}
	if state.Settled.Count() != uint64(len(model.settled)) || len(state.Moved) != len(model.moved) {
		t.Errorf("%d blocks settled, %d letters moved, expected %d, %d", state.Settled.Count(), len(state.Moved), len(model.settled), len(model.moved))
	}
	if n := left(t, ctx, js); n != 0 {
		t.Errorf("%d settlements left", n)
	}
}

func TestAStateOfManyMovedLettersForgetsThoseWithoutAnEntry(t *testing.T) {
	t.Parallel()
	ctx, js, kv := open(t)
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "main_DEAD", Subjects: []string{stream.DeadSubjects("main")}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(ctx, stream.DeadSubject("main", "group", 77, 3, 9), nil); err != nil {
		t.Fatal(err)
	}
	const n = maxMoved + 1
	publish(t, ctx, js, "group", "77", settlement(Block{Sequence: 3, Records: n, Dead: n}))
	var m Message
	for i := range n {
		m.Moved = append(m.Moved, fmt.Sprintf("3.%d", i))
	}
	publish(t, ctx, js, "group", "77", m)
	f := Folder{Stream: "main", Group: "group", Epoch: 77, JS: js, KV: kv}
	for range 2 {
		state, err := f.Fold(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(state.Moved, []string{"3.9"}) || state.Sums.Dead != 0 || state.Sums.Delivered != n {
			t.Fatalf("%d moved, sums %+v, expected 3.9 alone, and %d delivered", len(state.Moved), state.Sums, n)
		}
		publish(t, ctx, js, "group", "77", Message{Moved: []string{"3.9"}}) // whose removal failed
	}
}

// With a stream that drops its oldest blocks a slow group settles here and there,
// and the holes stay for ever: the state must not grow with them.
func TestAStateOfManyHolesStaysSmallAndForgetsNoLoss(t *testing.T) {
	t.Parallel()
	ctx, js, kv := open(t)
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "main", Subjects: []string{"records"}, FirstSeq: 1_000_000}); err != nil {
		t.Fatal(err)
	}
	const n = 30_000
	f := Folder{Stream: "main", Group: "group", Epoch: 77, Baseline: 1, JS: js, KV: kv,
		Records: func(first, last uint64) uint64 { return 5 * (last - first + 1) }}
	var state State
	for i := uint64(0); i < n; {
		var m Message
		for range 3000 {
			m.Blocks = append(m.Blocks, Block{Sequence: 1 + 2*i, Records: 2, Delivered: 2})
			i++
		}
		publish(t, ctx, js, "group", "77", m)
		var err error
		if state, err = f.Fold(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if len(state.Settled) > maxRanges+3000 {
		t.Errorf("%d ranges", len(state.Settled))
	}
	holes := state.Settled.Count() - n // closed ones
	if want := (Sums{Records: 2*n + 5*holes, Delivered: 2 * n, Expired: 5 * holes}); state.Sums != want || holes == 0 {
		t.Errorf("sums %+v, expected %+v", state.Sums, want)
	}
	g := Group{State: state}
	b := g.balance(1_000_000, 999_999, func(first, last uint64) uint64 { return 5 * (last - first + 1) })
	if b.Difference != 0 || b.Expired != 5*(1_000_000-1-n) || b.Pending != 0 {
		t.Errorf("%+v, expected %d expired", b, 5*(1_000_000-1-n))
	}
	body, err := js.Conn().Request(jetstream.DefaultAPIPrefix+"STREAM.MSG.GET."+stateStream,
		[]byte(`{"last_by_subj":"`+stateSubject("main", "group")+`"}`), streamtest.Timeout)
	if err != nil || len(body.Data) > 500_000 {
		t.Errorf("a state of %d bytes, %v", len(body.Data), err)
	}
}

func TestARemovedStateIsBegunAnew(t *testing.T) {
	t.Parallel()
	ctx, js, kv := open(t)
	f := Folder{Stream: "main", Group: "group", Epoch: 77, JS: js, KV: kv}
	for range 2 {
		publish(t, ctx, js, "group", "77", settlement(Block{Sequence: 3, Records: 1, Delivered: 1}))
		state, err := f.Fold(ctx)
		if err != nil || state.Sums.Records != 1 {
			t.Fatalf("%+v, %v", state, err)
		}
		if err := kv.Delete(ctx, stream.LedgerKey("main", "group")); err != nil {
			t.Fatal(err)
		}
	}
}

// Holes are what a plain set does not have.
func FuzzHoles(f *testing.F) {
	f.Add([]byte{5, 7, 6, 1, 2}, uint8(1), uint8(9))
	f.Add([]byte{}, uint8(3), uint8(3))
	f.Fuzz(func(t *testing.T, sequence []byte, first, last uint8) {
		var r Ranges
		for _, b := range sequence {
			r.Add(uint64(b))
		}
		missing := map[uint64]bool{}
		var text []string
		end := uint64(0)
		for from, to := range r.Holes(uint64(first), uint64(last)) {
			text = append(text, fmt.Sprintf("%d-%d", from, to))
			if from > to || end > 0 && from <= end+1 {
				t.Fatalf("holes %s", strings.Join(text, " "))
			}
			for n := from; n <= to; n++ {
				missing[n] = true
			}
			end = to
		}
		inside := uint64(0)
		for n := uint64(0); n < 256; n++ {
			within := n >= uint64(first) && n <= uint64(last)
			if missing[n] != (within && !r.Has(n)) {
				t.Fatalf("%d: %v of %v from %d to %d", n, missing[n], r, first, last)
			}
			if within && r.Has(n) {
				inside++
			}
		}
		if r.Within(uint64(first), uint64(last)) != inside {
			t.Fatalf("Within is %d, want %d", r.Within(uint64(first), uint64(last)), inside)
		}
	})
}
