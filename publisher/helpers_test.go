package publisher

import (
	"context"
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"

	"lagermeister/heka"
	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

func TestMain(m *testing.M) { streamtest.Main(m) }

func silent() logrus.FieldLogger {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return log
}

func settings() stream.Config {
	return stream.Config{Subject: "logs", StreamReplicas: 1, StreamMaxBytes: 1 << 30, DuplicateWindow: 2 * 60 * 1e9, WhenFull: stream.WhenFullRefuse, BrokerFsync: true}
}

// open starts a publisher of blocks on subject logs that ends with the test.
func open(t testing.TB, nc *nats.Conn) *Publisher {
	t.Helper()
	return openAs(t, nc, FormatBlocks)
}

func openAs(t testing.TB, nc *nats.Conn, format string) *Publisher {
	t.Helper()
	p, err := Open(streamtest.Context(t), nc, Config{PublishFormat: format}, settings(), silent(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeNow(p) })
	return p
}

// closeNow gives a publisher no time to finish.
func closeNow(p *Publisher) int64 {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return p.Close(ctx)
}

// frames are n frames whose bodies are the numbers from first on, padded to size.
func frames(first, n, size int) []byte {
	var b []byte
	for i := range n {
		digits := strconv.Itoa(first + i)
		b = heka.AppendFrame(b, []byte(strings.Repeat("0", size-len(digits))+digits))
	}
	return b
}

// fullWait is how long a call of Append waits before a test takes the window for
// full: only then does it wait at all.
const fullWait = 2 * time.Second

// stored is a callback that counts its calls.
type stored struct{ ok, failed atomic.Int64 }

func (s *stored) call(err error) {
	if err != nil {
		s.failed.Add(1)
	} else {
		s.ok.Add(1)
	}
}

// message is one stored message with the numbers in it.
type message struct {
	jetstream.Msg
	records int // as its header says; 0 without
	numbers []int
}

// read reads all of the stream, checking that each block is whole frames.
func read(t testing.TB, js jetstream.JetStream) []message {
	t.Helper()
	ctx := streamtest.Context(t)
	s, err := js.Stream(ctx, "logs")
	if err != nil {
		t.Fatal(err)
	}
	left := int(s.CachedInfo().State.Msgs)
	if left == 0 {
		return nil
	}
	c, err := js.OrderedConsumer(ctx, "logs", jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	it, err := c.Messages()
	if err != nil {
		t.Fatal(err)
	}
	defer it.Stop()
	var all []message
	for ; left > 0; left-- {
		m, err := it.Next(jetstream.NextContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		got := message{Msg: m}
		got.records, _ = strconv.Atoi(m.Headers().Get(stream.HeaderRecords))
		body := m.Data()
		if len(body) > 0 && body[0] != heka.RecordSeparator {
			got.numbers = append(got.numbers, number(t, body))
			body = nil
		}
		for len(body) > 0 {
			scan := heka.Scanner{MaxMessage: 1 << 20}
			f, n, _ := scan.Next(body)
			if f.Raw == nil || len(f.Raw) != n {
				t.Fatalf("a stored block holds bytes outside of frames: %.40q", body)
			}
			got.numbers = append(got.numbers, number(t, f.Body))
			body = body[n:]
		}
		all = append(all, got)
	}
	return all
}

func number(t testing.TB, body []byte) int {
	t.Helper()
	n, err := strconv.Atoi(string(body))
	if err != nil {
		t.Fatalf("stored body %.40q: %v", body, err)
	}
	return n
}

// counts is how often each number is stored.
func counts(all []message) map[int]int {
	c := make(map[int]int)
	for _, m := range all {
		for _, n := range m.numbers {
			c[n]++
		}
	}
	return c
}
