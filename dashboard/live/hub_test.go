package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"lagermeister/stats"
)

func newHub(sources Sources) *Hub {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return New(sources, log, prometheus.NewRegistry())
}

// running is a hub at work in a bubble of its own time.
func running(t *testing.T, sources Sources) *Hub {
	h := newHub(sources)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return h
}

// message is any of ours.
type message struct {
	T        string `json:"t"`
	Seq      uint64
	D        [][]any
	From, To uint64
	Dropped  *int
	ID       int
	Rows     []row
	Matched  int
	Seen     int
	Skipped  int
	Missed   int `json:"missed_blocks"`
	Title    string
	Detail   string
	Offset   *int
	Expected string
	Excerpt  string
	Role, UI string
	NATS     string
	NotReady []string `json:"not_ready"`
	N        int
	Programs []process
}

type row struct {
	At       int64
	Stream   string
	Position string
	Doc      map[string]any
	Cut      bool
}

// next is the client's next frame, nil when it is told nothing for a second.
func next(t *testing.T, c *Client) []message {
	t.Helper()
	enough := time.After(time.Second + time.Millisecond)
	for {
		select {
		case <-c.Ready():
			if f := c.Frame(); f != nil {
				return decode(t, f)
			}
		case <-enough:
			return nil
		}
	}
}

func decode(t *testing.T, frame []byte) (list []message) {
	t.Helper()
	if err := json.Unmarshal(frame, &list); err != nil {
		t.Fatalf("%v: %s", err, frame)
	}
	return list
}

// kinds lists what a frame holds.
func kinds(list []message) string {
	var b strings.Builder
	for _, m := range list {
		b.WriteString(m.T + " ")
	}
	return strings.TrimSpace(b.String())
}

func TestWhatComesWithinAQuarterOfASecondIsOneMessageWithOneValueASeries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := running(t, Sources{})
		c := h.Join("abc", "viewer")
		defer c.Leave()
		if got := next(t, c); kinds(got) != "hello" || got[0].UI != "abc" || got[0].Role != "viewer" {
			t.Fatalf("first comes %+v", got)
		}
		h.Add(event(time.Now().Unix(), stats.Throughput, "a", 1, stats.Total))
		if got := next(t, c); got != nil {
			t.Fatalf("unasked it is told %+v", got)
		}
		c.Handle([]byte(`{"t":"sub","topics":["m"]}`))
		second := time.Now().Unix()
		for range 1000 {
			h.Add(event(second, stats.Throughput, "a", 1, stats.Total))
			h.Add(event(second, stats.Throughput, "b", 2, stats.Total))
		}
		got := next(t, c)
		if kinds(got) != "m" || len(got[0].D) != 2 || got[0].D[0][4] != 1000.0 {
			t.Fatalf("told %+v", got)
		}
		h.Add(event(second, stats.Throughput, "a", 5, stats.Total))
		if again := next(t, c); kinds(again) != "m" || again[0].Seq != got[0].Seq+1 || again[0].D[0][4] != 1005.0 {
			t.Errorf("then told %+v", again)
		}
	})
}

func TestThereAreFourFramesASecondAtMostAndOneInFiveForAHiddenTab(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := running(t, Sources{})
		count := func(slow bool) (frames, values int) {
			c := h.Join("", "")
			defer c.Leave()
			c.Handle([]byte(`{"t":"sub","topics":["m"]}`))
			c.Handle(fmt.Appendf(nil, `{"t":"slow","on":%v}`, slow))
			next(t, c) // hello
			end := time.After(10*time.Second + time.Millisecond)
			tick := time.NewTicker(10 * time.Millisecond)
			for i := 0; ; i++ {
				select {
				case <-tick.C:
					h.Add(event(time.Now().Unix(), "X", "a", float64(i), stats.Last))
				case <-c.Ready():
					if f := c.Frame(); f != nil {
						frames++
						for _, m := range decode(t, f) {
							values += len(m.D)
						}
					}
				case <-end:
					return frames, values
				}
			}
		}
		if n, _ := count(false); n > 41 || n < 30 {
			t.Errorf("%d frames in ten seconds", n)
		}
		if n, values := count(true); n > 3 || n < 1 || values < 10 {
			t.Errorf("hidden: %d frames in ten seconds with %d values", n, values)
		}
	})
}

func TestASlowClientIsToldOfTheGapAndHoldsUpNobody(t *testing.T) {
	t.Parallel()
	h := newHub(Sources{})
	slow, quick := h.Join("", ""), h.Join("", "")
	for _, c := range []*Client{slow, quick} {
		c.Handle([]byte(`{"t":"sub","topics":["m"]}`))
		c.Frame()
	}
	sent, values := 0, 0
	for bytes := 0; bytes < 3*maxQueued; sent++ {
		for i := range 400 {
			h.Add(event(time.Now().Unix(), "X", fmt.Sprint("sender-", i), float64(sent), stats.Last))
		}
		h.flush(false)
		f := quick.Frame()
		bytes += len(f)
		got := decode(t, f)
		if kinds(got) != "m" || len(got[0].D) != 400 {
			t.Fatalf("the quick one is told %s", kinds(got))
		}
		values += len(got[0].D)
	}
	f := slow.Frame()
	if len(f) > maxQueued+1000 {
		t.Errorf("%d bytes waited for the slow one", len(f))
	}
	got := decode(t, f)
	gap := got[0]
	if gap.T != "gap" || gap.Dropped == nil || *gap.Dropped == 0 {
		t.Fatalf("the slow one is told %+v", gap)
	}
	rest := 0
	for i, m := range got[1:] {
		rest += len(m.D)
		if m.Seq != gap.To+1+uint64(i) {
			t.Fatalf("after the gap to %d comes %d as number %d", gap.To, m.Seq, i)
		}
	}
	if *gap.Dropped+rest != values || gap.From != gap.To+1-uint64(sent-len(got)+1) {
		t.Errorf("%d values were told, the slow one got %d and a gap of %d (%d to %d)", values, rest, *gap.Dropped, gap.From, gap.To)
	}
	if f := slow.Frame(); f != nil {
		t.Errorf("then it is told %s", f)
	}
}

func TestAClientThatComesBackIsSentWhatItMissedOrAGap(t *testing.T) {
	t.Parallel()
	h := newHub(Sources{})
	var seqs []uint64
	for i := range replayed + 60 {
		h.Add(event(time.Now().Unix(), "X", "a", float64(i), stats.Last))
		h.flush(false)
		seqs = append(seqs, h.seq)
	}
	last := seqs[len(seqs)-1]
	for _, c := range []struct {
		resume uint64
		gap    string
		ms     int
	}{
		{0, "", 0}, {last, "", 0}, {last + 10, "", 0}, {last - 5, "", 5}, {last - replayed, "", replayed},
		{last - replayed - 3, fmt.Sprint(last-replayed-2, "-", last-replayed), replayed},
		{7, fmt.Sprint(8, "-", last-replayed), replayed}, // of another life of the server
	} {
		client := h.Join("", "")
		client.Handle(fmt.Appendf(nil, `{"t":"sub","topics":["m"],"resume":%d}`, c.resume))
		got := decode(t, client.Frame())[1:] // after the hello
		gap := ""
		if len(got) > 0 && got[0].T == "gap" {
			gap = fmt.Sprint(got[0].From, "-", got[0].To)
			if got[0].Dropped != nil {
				t.Errorf("resume %d: it claims to know that %d values are missing", c.resume, *got[0].Dropped)
			}
			got = got[1:]
		}
		if gap != c.gap || len(got) != c.ms || c.ms > 0 && got[0].Seq != last-uint64(c.ms)+1 {
			t.Errorf("resume %d of %d: gap %q, %d m, want %q, %d", c.resume, last, gap, len(got), c.gap, c.ms)
		}
		client.Leave()
	}
}

func TestTopicsAreAskedWhileWantedAndToldWhenNew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var (
			mu        sync.Mutex
			asked     int
			books, up = `{"n":1}`, "up"
			failing   error
		)
		set := func(b, u string, err error) { mu.Lock(); defer mu.Unlock(); books, up, failing = b, u, err }
		times := func() int { mu.Lock(); defer mu.Unlock(); return asked }
		h := running(t, Sources{
			Ledger: func(context.Context) ([]byte, error) {
				mu.Lock()
				defer mu.Unlock()
				asked++
				return []byte(books), failing
			},
			Status: func(context.Context) Status {
				mu.Lock()
				defer mu.Unlock()
				return Status{NATS: up, JS: up, NotReady: []string{"x"}}
			},
		})
		synctest.Wait()
		time.Sleep(3*time.Second + time.Millisecond)
		if n := times(); n != 0 {
			t.Errorf("asked %d times while nobody looks", n)
		}
		c := h.Join("", "")
		var got []message
		for len(got) < 2 {
			got = append(got, next(t, c)...)
		}
		if kinds(got) != "hello status" || got[1].NATS != "up" || len(got[1].NotReady) != 1 {
			t.Fatalf("at first %+v", got)
		}
		c.Handle([]byte(`{"t":"sub","topics":["ledger"]}`))
		if got := next(t, c); kinds(got) != "ledger" || got[0].N != 1 {
			t.Fatalf("told %+v", got)
		}
		time.Sleep(5 * time.Second)
		if got := next(t, c); got != nil {
			t.Errorf("told again %+v", got)
		}
		set(`{"n":2}`, "down", nil)
		got = next(t, c)
		got = append(got, next(t, c)...)
		if k := kinds(got); k != "status ledger" && k != "ledger status" {
			t.Errorf("of a change it is told %+v", got)
		}
		set(`{"n":2}`, "down", errors.New("no balance"))
		if got := next(t, c); got != nil {
			t.Errorf("of an error it is told %+v", got)
		}
		set(`{"n":2}`, "down", nil)
		second := h.Join("", "")
		second.Handle([]byte(`{"t":"sub","topics":["ledger","consumers"]}`))
		got = append(next(t, second), next(t, second)...)
		if !strings.Contains(kinds(got), "ledger") {
			t.Errorf("who comes later is told %+v", got)
		}
		before := times()
		c.Leave()
		second.Leave()
		time.Sleep(3 * time.Second)
		if n := times(); n > before+1 {
			t.Errorf("asked %d times after the last one has left", n-before)
		}
	})
}
