package publisher

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

// broker plays the server's part on the subject logs: it calls answer for each
// message, numbered from 1, and keeps what it was sent.
type broker struct {
	mu   sync.Mutex
	sent []*nats.Msg
}

func play(t *testing.T, nc *nats.Conn, answer func(n int, m *nats.Msg)) *broker {
	t.Helper()
	b := &broker{}
	_, err := nc.Subscribe("logs", func(m *nats.Msg) {
		b.mu.Lock()
		b.sent = append(b.sent, m)
		n := len(b.sent)
		b.mu.Unlock()
		answer(n, m)
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func ackText(n int) string { return fmt.Sprintf(`{"stream":"logs", "seq":%d}`, n) }

func refusalText(code int, text string) string {
	return fmt.Sprintf(`{"error":{"code":503,"err_code":%d,"description":%q},"stream":"logs","seq":0}`, code, text)
}

// Each of these answers means that the block is not stored: it must come again,
// with the same bytes and id, until it is.
func TestBlockIsResentWhenItWasRefused(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"full":          refusalText(codeStoreFailed, "maximum bytes exceeded"),
		"disk":          refusalText(codeStoreFailed, "no space left on device"),
		"no storage":    refusalText(codeNoStorage, "insufficient storage resources available"),
		"too many":      refusalText(codeTooMany, "too many requests"),
		"too large":     refusalText(codeTooLarge, "message size exceeds maximum allowed"),
		"not an answer": `thank you`,
		"empty":         ``,
		"sequence 0":    `{"stream":"logs","seq":0}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nc, _ := streamtest.New(t)
			b := play(t, nc, func(n int, m *nats.Msg) {
				if n <= 4 {
					_ = m.Respond([]byte(answer))
					return
				}
				_ = m.Respond([]byte(ackText(n)))
			})
			p := scripted(t, nc, FormatBlocks)
			var s stored
			if err := p.Append(t.Context(), frames(1, 1, 300), 1, s.call); err != nil {
				t.Fatal(err)
			}
			streamtest.Eventually(t, "the record is stored", func() bool { return s.ok.Load() == 1 })
			b.mu.Lock()
			defer b.mu.Unlock()
			first := b.sent[0]
			for _, again := range b.sent {
				if string(again.Data) != string(first.Data) || again.Header.Get(stream.HeaderMsgID) != first.Header.Get(stream.HeaderMsgID) || again.Header.Get(stream.HeaderCut) != first.Header.Get(stream.HeaderCut) {
					t.Error("a resend differs from the first send")
				}
			}
			if len(b.sent) != 5 {
				t.Errorf("sent %d times, want 5", len(b.sent))
			}
		})
	}
}

func TestLateAndRepeatedAcksCountOnce(t *testing.T) {
	t.Parallel()
	nc, _ := streamtest.New(t)
	var last *nats.Msg
	play(t, nc, func(n int, m *nats.Msg) {
		if last != nil { // once more for a block that is stored already, good and bad
			_ = last.Respond([]byte(ackText(n)))
			_ = last.Respond([]byte(refusalText(codeTooMany, "late")))
		}
		_ = m.Respond([]byte(ackText(n)))
		_ = m.Respond([]byte(ackText(n)))
		last = m
	})
	p := scripted(t, nc, FormatBlocks)
	var s stored
	for i := range 200 {
		if err := p.Append(t.Context(), frames(i, 1, 300), 1, s.call); err != nil {
			t.Fatal(err)
		}
	}
	if left := p.Close(streamtest.Context(t)); left != 0 || s.ok.Load() != 200 {
		t.Errorf("%d left, stored called %d times, want 0 and 200", left, s.ok.Load())
	}
	if w := &p.window; w.blocks != 0 || w.bytes != 0 || w.records != 0 {
		t.Errorf("the empty window counts %d blocks, %d bytes, %d records", w.blocks, w.bytes, w.records)
	}
}

func TestSilentBrokerIsAskedAgain(t *testing.T) {
	t.Parallel()
	nc, _ := streamtest.New(t)
	var asked atomic.Int64
	play(t, nc, func(n int, m *nats.Msg) {
		asked.Store(int64(n))
		if n > 5 { // the breaker is open by now
			_ = m.Respond([]byte(ackText(n)))
		}
	})
	p := newPublisher(nc, Config{PublishFormat: FormatBlocks}, "logs", silent())
	p.silence = 10 * time.Millisecond
	if err := p.start(nil, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeNow(p) })
	var s stored
	if err := p.Append(t.Context(), frames(1, 1, 300), 1, s.call); err != nil {
		t.Fatal(err)
	}
	streamtest.Eventually(t, "intake is refused", func() bool { return p.Unavailable() != nil || s.ok.Load() == 1 })
	streamtest.Eventually(t, "the record is stored", func() bool { return s.ok.Load() == 1 && p.Unavailable() == nil })
	if n := asked.Load(); n < 6 { // more when the answer took longer than it is waited for
		t.Errorf("sent %d times, want 6", n)
	}
}

// A call whose records lie in two blocks is stored when both are, whatever the
// order of their acknowledgements.
func TestCallIsStoredWhenAllOfItIs(t *testing.T) {
	t.Parallel()
	nc := streamtest.Connect(t, streamtest.Server(t, streamtest.MaxPayload(8<<10)))
	asked := make(chan *nats.Msg, 10)
	play(t, nc, func(_ int, m *nats.Msg) { asked <- m })
	p := scripted(t, nc, FormatBlocks)
	if err := p.Append(t.Context(), frames(0, 1, 1000), 1, nil); err != nil {
		t.Fatal(err)
	}
	partial := <-asked // while it is under way only full blocks leave
	var first, second stored
	for _, s := range []*stored{&first, &second} {
		if err := p.Append(t.Context(), frames(0, 6, 1000), 6, s.call); err != nil {
			t.Fatal(err)
		}
	}
	blocks := []*nats.Msg{<-asked, <-asked} // 4 records each
	_ = partial.Respond([]byte(ackText(1)))
	blocks = append(blocks, <-asked)
	_ = blocks[2].Respond([]byte(ackText(3)))
	_ = blocks[1].Respond([]byte(ackText(2)))
	streamtest.Eventually(t, "the second call is stored", func() bool { return second.ok.Load() == 1 })
	if first.ok.Load() != 0 {
		t.Error("the first call was called stored before its first block was")
	}
	_ = blocks[0].Respond([]byte(ackText(1)))
	streamtest.Eventually(t, "the first call is stored", func() bool { return first.ok.Load() == 1 })
}

// scripted is a publisher whose broker is played by the test: no stream is looked for.
func scripted(t *testing.T, nc *nats.Conn, format string) *Publisher {
	t.Helper()
	p := newPublisher(nc, Config{PublishFormat: format}, "logs", silent())
	if err := p.start(nil, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeNow(p) })
	return p
}

func FuzzPlainAck(f *testing.F) {
	f.Add([]byte(`{"stream":"logs", "seq":12}`))
	f.Add([]byte(`{"stream":"logs","seq":12,"duplicate": true}`))
	f.Add([]byte(refusalText(codeTooMany, "too many requests")))
	f.Fuzz(func(t *testing.T, data []byte) {
		if !plainAck(data) {
			return
		}
		var a struct {
			Error     *refusal `json:"error"`
			Stream    string   `json:"stream"`
			Seq       uint64   `json:"seq"`
			Duplicate bool     `json:"duplicate"`
		}
		if err := json.Unmarshal(data, &a); err != nil || a.Error != nil || a.Stream == "" || a.Seq == 0 || a.Duplicate {
			t.Fatalf("taken for a plain acknowledgement: %q (%v)", data, err)
		}
	})
}

func TestRefusalSaysWhatToDo(t *testing.T) {
	t.Parallel()
	_, err := parseAck(&nats.Msg{Data: []byte(refusalText(codeStoreFailed, "maximum bytes exceeded"))})
	if err == nil || !strings.Contains(err.Error(), "maximum bytes exceeded (err_code 10077); the stream is full") {
		t.Errorf("%v", err)
	}
	_, err = parseAck(&nats.Msg{Header: nats.Header{"Status": {"503"}}})
	if err != errNoStream {
		t.Errorf("no responders: %v", err)
	}
	duplicate, err := parseAck(&nats.Msg{Data: []byte(`{"stream":"logs", "seq":3,"duplicate": true}`)})
	if !duplicate || err != nil {
		t.Errorf("duplicate: %v, %v", duplicate, err)
	}
}
