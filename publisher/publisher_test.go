package publisher

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

func TestOneRecordAtRestLeavesAtOnce(t *testing.T) {
	t.Parallel()
	nc, js := streamtest.New(t)
	p := open(t, nc)
	done := make(chan error, 1)
	before := time.Now().UnixMilli()
	if err := p.Append(t.Context(), frames(7, 1, 300), 1, func(err error) { done <- err }); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	all := read(t, js)
	if len(all) != 1 || all[0].records != 1 || all[0].numbers[0] != 7 {
		t.Fatalf("stored %+v, want one block of record 7", all)
	}
	if id := all[0].Headers().Get(stream.HeaderMsgID); id != p.runID+"-1" {
		t.Errorf("id %q, want %s-1", id, p.runID)
	}
	if cut := all[0].Headers().Get(stream.HeaderCut); cut < strconv.FormatInt(before, 10) || cut > strconv.FormatInt(time.Now().UnixMilli(), 10) {
		t.Errorf("cut at %s, want the time of the call, %d", cut, before)
	}
}

func TestCallersShareBlocks(t *testing.T) {
	t.Parallel()
	nc, js := streamtest.New(t, streamtest.SyncAlways)
	p := open(t, nc)
	const callers, each = 50, 100
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			done := make(chan error, 1)
			for i := range each {
				if err := p.Append(t.Context(), frames(c*each+i, 1, 300), 1, func(err error) { done <- err }); err != nil {
					t.Error(err)
					return
				}
				if err := <-done; err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	all := read(t, js)
	once(t, counts(all), callers*each)
	t.Logf("%.1f records per block", float64(callers*each)/float64(len(all)))
}

// However fast broker and disk are: what comes before the answer to a partly
// filled block leaves in one block.
func TestWhatComesWhileABlockIsUnderWaySharesTheNext(t *testing.T) {
	t.Parallel()
	nc, _ := streamtest.New(t)
	asked := make(chan *nats.Msg, 100)
	play(t, nc, func(_ int, m *nats.Msg) { asked <- m })
	p := scripted(t, nc, FormatBlocks)
	const callers = 50
	var s stored
	appendOne := func(n int) {
		if err := p.Append(t.Context(), frames(n, 1, 300), 1, s.call); err != nil {
			t.Error(err)
		}
	}
	appendOne(0)
	for round := range 3 {
		under := <-asked
		var wg sync.WaitGroup
		for c := range callers {
			wg.Go(func() { appendOne(c) })
		}
		wg.Wait()
		if want := map[bool]string{true: "1", false: strconv.Itoa(callers)}[round == 0]; under.Header.Get(stream.HeaderRecords) != want {
			t.Errorf("a block of %s records, want %s", under.Header.Get(stream.HeaderRecords), want)
		}
		_ = under.Respond([]byte(ackText(round + 1)))
	}
	last := <-asked
	_ = last.Respond([]byte(ackText(4)))
	streamtest.Eventually(t, "all are stored", func() bool { return s.ok.Load() == 1+3*callers })
	if n := len(asked); n != 0 || last.Header.Get(stream.HeaderRecords) != strconv.Itoa(callers) {
		t.Errorf("%d blocks more, after one of %s records", n, last.Header.Get(stream.HeaderRecords))
	}
}

func TestRunsAreSplitBetweenFrames(t *testing.T) {
	t.Parallel()
	nc, js := streamtest.New(t, streamtest.MaxPayload(16<<10))
	p := open(t, nc)
	var s stored
	const runs, perRun = 20, 300 // a run is larger than a block
	for i := range runs {
		if err := p.Append(t.Context(), frames(i*perRun, perRun, 300), perRun, s.call); err != nil {
			t.Fatal(err)
		}
	}
	if left := p.Close(streamtest.Context(t)); left != 0 {
		t.Fatalf("%d records left", left)
	}
	if ok := s.ok.Load(); ok != runs {
		t.Errorf("stored called %d times, want once for each of %d calls", ok, runs)
	}
	all := read(t, js)
	next := 0
	for _, m := range all {
		if len(m.Data()) > 12<<10 {
			t.Errorf("a block of %d bytes, limit %d", len(m.Data()), 12<<10)
		}
		if m.records != len(m.numbers) {
			t.Errorf("a block says %d records and holds %d", m.records, len(m.numbers))
		}
		for _, n := range m.numbers {
			if n != next {
				t.Fatalf("record %d stored where %d was due", n, next)
			}
			next++
		}
	}
	if next != runs*perRun {
		t.Errorf("%d records stored, want %d", next, runs*perRun)
	}
}

func TestFullStreamRefusesAndGoesOn(t *testing.T) {
	t.Parallel()
	nc, js := streamtest.New(t)
	ctx := streamtest.Context(t)
	s, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "logs", Subjects: []string{"logs"}, MaxBytes: 64 << 10, Discard: jetstream.DiscardNew})
	if err != nil {
		t.Fatal(err)
	}
	p := open(t, nc)
	var got stored
	n := 0
	for ; p.Unavailable() == nil; n++ {
		_ = p.Append(ctx, frames(n, 1, 10<<10), 1, got.call)
		streamtest.Eventually(t, "an answer to each record", func() bool { return p.Unavailable() != nil || got.ok.Load() == int64(n+1) })
	}
	if text := p.Unavailable().Error(); !strings.Contains(text, "full") || !strings.Contains(text, "maximum bytes exceeded") {
		t.Errorf("unavailable because of %q, want that the stream is full", text)
	}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	var never stored
	if err := p.Append(short, frames(n, 1, 300), 1, never.call); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Append to a full stream: %v, want that it waited", err)
	}
	if err := s.Purge(ctx); err != nil {
		t.Fatal(err)
	}
	streamtest.Eventually(t, "the refused record is stored", func() bool { return got.ok.Load() == int64(n) })
	streamtest.Eventually(t, "intake is open again", func() bool { return p.Unavailable() == nil })
	if never.ok.Load()+never.failed.Load() != 0 {
		t.Error("stored was called for a record whose Append failed")
	}
}

func TestDeletedStreamIsCreatedAgain(t *testing.T) {
	t.Parallel()
	nc, js := streamtest.New(t)
	p := open(t, nc)
	if err := js.DeleteStream(streamtest.Context(t), "logs"); err != nil {
		t.Fatal(err)
	}
	var s stored
	if err := p.Append(t.Context(), frames(1, 1, 300), 1, s.call); err != nil {
		t.Fatal(err)
	}
	streamtest.Eventually(t, "the record is stored", func() bool { return s.ok.Load() == 1 })
	once(t, counts(read(t, js)), 2, 0)
}

func TestCloseReportsWhatIsLeft(t *testing.T) {
	t.Parallel()
	server := streamtest.Server(t)
	nc := streamtest.Connect(t, server)
	play(t, nc, func(int, *nats.Msg) {}) // never answers
	p := scripted(t, nc, FormatBlocks)
	var s stored
	for i := range 7 {
		if err := p.Append(t.Context(), frames(i*2, 2, 300), 2, s.call); err != nil {
			t.Fatal(err)
		}
	}
	server.Shutdown()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if left := p.Close(ctx); left != 14 {
		t.Errorf("%d records left, want 14", left)
	}
	if s.ok.Load() != 0 || s.failed.Load() != 7 {
		t.Errorf("stored called %d times with nil and %d times with an error, want 0 and 7", s.ok.Load(), s.failed.Load())
	}
	if err := p.Append(t.Context(), frames(0, 1, 300), 1, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("Append after Close: %v", err)
	}
}

func TestWindowBoundsWhatIsHeld(t *testing.T) {
	t.Parallel()
	server := streamtest.Server(t, streamtest.MaxPayload(64<<10))
	nc := streamtest.Connect(t, server)
	p := newPublisher(nc, Config{PublishFormat: FormatBlocks}, "nobody.answers", silent())
	if err := p.start(nil, nil); err != nil {
		t.Fatal(err)
	}
	defer closeNow(p)
	sub, err := nc.SubscribeSync("nobody.answers") // takes blocks and says nothing
	if err != nil {
		t.Fatal(err)
	}
	_ = sub.SetPendingLimits(-1, -1)
	taken := 0
	run := frames(0, 10, 1000)
	for {
		ctx, cancel := context.WithTimeout(t.Context(), fullWait)
		err := p.Append(ctx, run, 10, nil)
		cancel()
		if err != nil {
			break
		}
		taken += len(run)
	}
	if most := windowBytes + 64<<10; taken > most || taken < windowBytes-(64<<10) {
		t.Errorf("took %d bytes without an acknowledgement, want about %d", taken, most)
	}
}

func TestMessageFormatStoresBareBodies(t *testing.T) {
	t.Parallel()
	nc, js := streamtest.New(t)
	p := openAs(t, nc, FormatMessage)
	var s stored
	for i := range 10 {
		if err := p.Append(t.Context(), frames(i*500, 500, 300), 500, s.call); err != nil {
			t.Fatal(err)
		}
	}
	if left := p.Close(streamtest.Context(t)); left != 0 || s.ok.Load() != 10 {
		t.Fatalf("%d records left, stored called %d times, want 0 and 10", left, s.ok.Load())
	}
	all := read(t, js)
	once(t, counts(all), 5000)
	for i, m := range all {
		if len(m.Headers()) != 0 || m.numbers[0] != i {
			t.Fatalf("message %d holds record %d and headers %v, want the same number and none", i, m.numbers[0], m.Headers())
		}
	}
}

func TestForwardKeepsBlockAndOrigin(t *testing.T) {
	t.Parallel()
	nc, js := streamtest.New(t)
	p := open(t, nc)
	body := frames(0, 3, 300)
	header := nats.Header{stream.HeaderRecords: {"3"}, stream.HeaderCut: {"1700000000123"}, "Other": {"x"}, stream.HeaderMsgID: {"elsewhere-9"}}
	for range 2 { // a repeat is recognised by its id
		done := make(chan error, 1)
		if err := p.Forward(t.Context(), "elsewhere-9", header, body, func(err error) { done <- err }); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	all := read(t, js)
	if len(all) != 1 || string(all[0].Data()) != string(body) {
		t.Fatalf("%d blocks stored, want the one forwarded", len(all))
	}
	h := all[0].Headers()
	if h.Get(stream.HeaderMsgID) != "elsewhere-9" || h.Get(stream.HeaderRecords) != "3" || h.Get(stream.HeaderCut) != "1700000000123" || h.Get("Other") != "" {
		t.Errorf("headers %v", h)
	}
	if err := p.Forward(t.Context(), "x", nil, make([]byte, 2<<20), nil); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a block larger than max_payload: %v", err)
	}
}

// A relay forwards to a hub with publish rights alone: what it may not ask is skipped.
func TestPublishRightsAloneSuffice(t *testing.T) {
	t.Parallel()
	server := streamtest.Server(t, streamtest.Extra(`authorization { users = [
		{user: admin, password: p},
		{user: relay, password: p, permissions: {publish: "logs", subscribe: "_INBOX.>"}}
	] }`))
	js := streamtest.JetStream(t, streamtest.Connect(t, server, nats.UserInfo("admin", "p")))
	if _, err := stream.Ensure(streamtest.Context(t), js, settings(), silent()); err != nil {
		t.Fatal(err)
	}
	p := open(t, streamtest.Connect(t, server, nats.UserInfo("relay", "p")))
	if err := p.Forward(t.Context(), "a-1", nil, frames(0, 1, 300), nil); err != nil {
		t.Fatal(err)
	}
	if left := p.Close(streamtest.Context(t)); left != 0 {
		t.Errorf("%d records left", left)
	}
	once(t, counts(read(t, js)), 1)
}

func TestLargestMessageFitsABlock(t *testing.T) {
	t.Parallel()
	nc, js := streamtest.New(t)
	p := open(t, nc)
	var s stored
	if err := p.Append(t.Context(), frames(1, 1, p.MaxMessage()), 1, s.call); err != nil {
		t.Fatal(err)
	}
	if err := p.Append(t.Context(), frames(2, 1, 1<<20), 1, s.call); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a frame larger than a block: %v", err)
	}
	if err := p.Append(t.Context(), append(frames(3, 1, 600<<10), make([]byte, 500<<10)...), 1, s.call); err == nil || !strings.Contains(err.Error(), "no whole frame at byte") {
		t.Errorf("bytes that are no frame: %v", err)
	}
	if left := p.Close(streamtest.Context(t)); left != 0 || s.ok.Load() != 1 {
		t.Fatalf("%d left, %d stored, want 0 and 1", left, s.ok.Load())
	}
	if all := read(t, js); len(all) != 1 || len(all[0].Data()) < p.MaxMessage() {
		t.Errorf("%d blocks stored", len(all))
	}
}

// once fails unless the numbers from first on (0 unless given) to end-1 are
// stored exactly once.
func once(t testing.TB, got map[int]int, end int, first ...int) {
	t.Helper()
	from := 0
	if len(first) > 0 {
		from = end - 1
	}
	for n := from; n < end; n++ {
		if got[n] != 1 {
			t.Errorf("record %d is stored %d times", n, got[n])
			return
		}
	}
}
