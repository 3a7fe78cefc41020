package live

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lagermeister/heka"
	"lagermeister/heka/hekapb"

	"google.golang.org/protobuf/proto"
)

// block builds a block of n records, of which every tenth has severity 3.
func block(t testing.TB, seq uint64, n int, payload string) *Block {
	t.Helper()
	b := &Block{Stream: "LOGS", Sequence: seq, Cut: time.Now()}
	for i := range n {
		severity := int32(6)
		if i%10 == 0 {
			severity = 3
		}
		body, err := proto.Marshal(&hekapb.Message{
			Uuid: []byte(fmt.Sprintf("%016d", i)), Timestamp: proto.Int64(1_700_000_000_123_000_000), Type: proto.String("test"),
			Hostname: proto.String("web-1"), Severity: proto.Int32(severity), Payload: proto.String(fmt.Sprintf("%s number %d", payload, i)),
		})
		if err != nil {
			t.Fatal(err)
		}
		b.Data = heka.AppendFrame(b.Data, body)
	}
	return b
}

// tailing is a hub at work whose source the test is.
func tailing(t *testing.T) (h *Hub, open *int, take *func(*Block)) {
	open, take = new(int), new(func(*Block))
	return running(t, Sources{Tail: func(ctx context.Context, f func(*Block)) error {
		*open++
		*take = f
		<-ctx.Done()
		*open--
		return nil
	}}), open, take
}

// rows is what the client is told of its tail within a second.
func rowsOf(t *testing.T, c *Client) (list []row, sum message) {
	t.Helper()
	for {
		got := next(t, c)
		if got == nil {
			return list, sum
		}
		for _, m := range got {
			if m.T == "rows" {
				list = append(list, m.Rows...)
				sum.Matched, sum.Seen, sum.Skipped, sum.Missed = sum.Matched+m.Matched, sum.Seen+m.Seen, sum.Skipped+m.Skipped, sum.Missed+m.Missed
			} else {
				sum.Detail += m.Detail
			}
		}
	}
}

func TestATailShowsWhatMatchesAndNothingElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, _, take := tailing(t)
		c := h.Join("", "")
		defer c.Leave()
		c.Handle([]byte(`{"t":"tail","id":7,"q":"Severity <= 3 && Hostname == 'web-1'","text":"Number hello"}`))
		synctest.Wait()
		(*take)(block(t, 12, 100, "hello"))
		(*take)(block(t, 13, 50, "other"))
		list, sum := rowsOf(t, c)
		if len(list) != 10 || sum.Matched != 10 || sum.Seen != 150 || sum.Skipped != 0 {
			t.Fatalf("%d rows, %+v", len(list), sum)
		}
		r := list[3]
		if r.Position != "12.30" || r.Stream != "LOGS" || r.At != 1_700_000_000_123 || r.Doc["message"] != "hello number 30" || r.Doc["host.name"] != "web-1" || r.Cut {
			t.Errorf("a row is %+v", r)
		}
	})
}

func TestMoreThanFiveHundredRowsASecondAreCountedAsSkipped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, _, take := tailing(t)
		c, quiet := h.Join("", ""), h.Join("", "")
		defer c.Leave()
		defer quiet.Leave()
		c.Handle([]byte(`{"t":"tail","id":1}`))
		c.Handle([]byte(`{"t":"tail","id":2,"q":"Severity == 3","max":20}`))
		quiet.Handle([]byte(`{"t":"tail","id":1,"q":"Payload =~ /number 5$/"}`))
		synctest.Wait()
		(*take)(block(t, 1, 2000, "x"))
		list, sum := rowsOf(t, c)
		if len(list) != maxRows || sum.Matched != 2200 || sum.Skipped != 2200-maxRows || sum.Seen != 4000 {
			t.Errorf("%d rows, %+v", len(list), sum)
		}
		if list, sum := rowsOf(t, quiet); len(list) != 1 || sum.Skipped != 0 {
			t.Errorf("another client: %d rows, %+v", len(list), sum)
		}
		c.Handle([]byte(`{"t":"slow","on":true}`))
		(*take)(block(t, 2, 10, "x"))
		if list, _ := rowsOf(t, c); len(list) != 0 {
			t.Errorf("a hidden tab gets %d rows", len(list))
		}
	})
}

func TestRecordsAreFollowedOnlyWhileATailIsOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, open, _ := tailing(t)
		a, b := h.Join("", ""), h.Join("", "")
		expect := func(want int, when string) {
			t.Helper()
			if synctest.Wait(); *open != want {
				t.Errorf("%s: %d are open, want %d", when, *open, want)
			}
		}
		a.Handle([]byte(`{"t":"sub","topics":["m"]}`))
		expect(0, "nobody tails")
		a.Handle([]byte(`{"t":"tail","id":1}`))
		expect(1, "one tails")
		b.Handle([]byte(`{"t":"tail","id":1}`))
		a.Handle([]byte(`{"t":"untail","id":1}`))
		expect(1, "the other one tails")
		b.Leave()
		expect(0, "it has gone")
		a.Handle([]byte(`{"t":"tail","id":9}`))
		expect(1, "again")
		a.Leave()
		expect(0, "all have gone")
	})
}

func TestATailThatCannotBeOpenedIsToldAndTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		h := running(t, Sources{Tail: func(ctx context.Context, _ func(*Block)) error {
			if tries++; tries < 3 {
				return errors.New("not permitted")
			}
			<-ctx.Done()
			return nil
		}})
		c := h.Join("", "")
		defer c.Leave()
		c.Handle([]byte(`{"t":"tail","id":1}`))
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if _, sum := rowsOf(t, c); tries != 3 || sum.Detail != "not permittednot permitted" {
			t.Errorf("%d tries, told %q", tries, sum.Detail)
		}
	})
}

func TestASpecThatDoesNotParseLeavesTheTailAsItWas(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, _, take := tailing(t)
		c := h.Join("", "")
		defer c.Leave()
		c.Handle([]byte(`{"t":"tail","id":1,"q":"Severity == 3"}`))
		next(t, c)
		c.Handle([]byte(`{"t":"tail","id":1,"q":"Severity == 3 &&"}`))
		got := next(t, c)
		if len(got) != 1 || got[0].T != "err" || got[0].ID != 1 || got[0].Offset == nil || *got[0].Offset != 16 || got[0].Expected == "" || !strings.Contains(got[0].Excerpt, "^") {
			t.Fatalf("told %+v", got)
		}
		synctest.Wait()
		(*take)(block(t, 1, 20, "x"))
		if list, _ := rowsOf(t, c); len(list) != 2 {
			t.Errorf("%d rows", len(list))
		}
		for i := range 4 {
			c.Handle(fmt.Appendf(nil, `{"t":"tail","id":%d}`, i+1))
		}
		if got := next(t, c); got != nil {
			t.Errorf("four tails: %+v", got)
		}
		c.Handle([]byte(`{"t":"tail","id":5}`))
		if got := next(t, c); kinds(got) != "err" || got[0].ID != 5 {
			t.Errorf("a fifth: %+v", got)
		}
	})
}

func TestMissedBlocksAreTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, _, take := tailing(t)
		c := h.Join("", "")
		defer c.Leave()
		c.Handle([]byte(`{"t":"tail","id":1}`))
		synctest.Wait()
		(*take)(block(t, 10, 1, "x"))
		(*take)(block(t, 11, 1, "x"))
		(*take)(block(t, 15, 1, "x"))
		if _, sum := rowsOf(t, c); sum.Missed != 3 || sum.Seen != 3 {
			t.Errorf("told %+v", sum)
		}
	})
}

func TestLargeRecordsAreCutAndWhatWaitsIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, _, take := tailing(t)
		c := h.Join("", "")
		defer c.Leave()
		c.Handle([]byte(`{"t":"tail","id":1}`))
		synctest.Wait()
		(*take)(block(t, 1, 1, strings.Repeat("ä", 5000)))
		list, _ := rowsOf(t, c)
		if len(list) != 1 || !list[0].Cut {
			t.Fatalf("%d rows", len(list))
		}
		if text, _ := list[0].Doc["message"].(string); len(text) > maxPayload || strings.Trim(text, "ä") != "" {
			t.Errorf("payload of %d bytes: %q", len(text), text)
		}
		body, err := proto.Marshal(&hekapb.Message{Uuid: make([]byte, 16), Timestamp: proto.Int64(0), Hostname: proto.String("h"), Payload: proto.String("p"), Fields: []*hekapb.Field{
			{Name: proto.String("large"), ValueString: []string{strings.Repeat("x", 20_000)}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		(*take)(&Block{Stream: "LOGS", Sequence: 2, Data: heka.AppendFrame(nil, body), Cut: time.Now()})
		if list, _ := rowsOf(t, c); len(list) != 1 || !list[0].Cut || list[0].Doc["heka.large"] != nil || list[0].Doc["message"] != "p" {
			t.Errorf("a large field: %+v", list)
		}
		body, err = proto.Marshal(&hekapb.Message{Uuid: make([]byte, 16), Timestamp: proto.Int64(0), Hostname: proto.String(strings.Repeat("h", 20_000)), Payload: proto.String("p")})
		if err != nil {
			t.Fatal(err)
		}
		(*take)(&Block{Stream: "LOGS", Sequence: 3, Data: heka.AppendFrame(nil, body), Cut: time.Now()})
		if list, sum := rowsOf(t, c); len(list) != 0 || sum.Skipped != 1 {
			t.Errorf("a large header: %+v, %+v", list, sum)
		}
		for i := range uint64(3) {
			(*take)(block(t, 4+i, 150, strings.Repeat("x", 1900)))
		}
		if f := c.Frame(); len(f) > maxRowBytes+maxDoc || len(f) < maxRowBytes/2 {
			t.Errorf("%d bytes waited", len(f))
		}
	})
}

// Whatever a client sends is answered at most by an err message, and leaves it
// within its bounds.
func FuzzClientFrames(f *testing.F) {
	for _, seed := range []string{`{"t":"sub","topics":["m","ledger"],"resume":3}`, `{"t":"tail","id":1,"q":"Severity <= 3","text":"a b","max":5}`,
		`{"t":"untail","id":1}`, `{"t":"slow","on":true}`, `{"t":"tail","q":"(((("}`, `[]`, `{"t":1}`, `{"t":"sub","topics":[null]}`, "\xff"} {
		f.Add([]byte(seed), []byte(seed))
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		h := newHub(Sources{})
		c := h.Join("", "")
		for _, frame := range [][]byte{first, second} {
			c.Handle(frame)
		}
		if len(c.tails) > maxTails || len(c.errs) > 2 {
			t.Fatalf("%d tails, %d errors", len(c.tails), len(c.errs))
		}
		b := block(t, 1, 3, "hello")
		newWatcher(h).block(b)
		h.Add(event(time.Now().Unix(), "X", "a", 1, ""))
		h.flush(true)
		decode(t, c.Frame())
		c.Leave()
		if len(h.watching(nil)) > 0 {
			t.Fatal("a tail is still open")
		}
	})
}

// What one open tail costs a record, in the proxy.
func BenchmarkTail(b *testing.B) {
	h := newHub(Sources{})
	c := h.Join("", "")
	c.Handle([]byte(`{"t":"tail","id":1,"q":"Severity <= 3 && Hostname =~ /^web-/","text":"number"}`))
	w, block := newWatcher(h), block(b, 1, 1000, strings.Repeat("some words of a log line ", 10))
	b.SetBytes(int64(len(block.Data)))
	b.ReportAllocs()
	for b.Loop() {
		w.block(block)
		c.Frame()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/record")
}
