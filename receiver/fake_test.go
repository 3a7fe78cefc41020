package receiver

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"lagermeister/heka"
)

// fakePublisher keeps what it is given. With hold it stores nothing until
// release; with full it also keeps Append waiting.
type fakePublisher struct {
	mu          sync.Mutex
	frames      [][]byte
	calls       int
	bytes       int
	held        []func(error)
	hold        bool
	full        chan struct{} // not nil: Append waits until it is closed
	unavailable error
	maxMessage  int
}

func (p *fakePublisher) Append(ctx context.Context, frames []byte, records int, stored func(error)) error {
	p.mu.Lock()
	full := p.full
	p.mu.Unlock()
	if full != nil {
		select {
		case <-full:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	found := split(frames)
	if len(found) != records {
		panic("records do not fit the frames")
	}
	p.frames = append(p.frames, found...)
	p.calls++
	p.bytes += len(frames)
	if p.hold {
		p.held = append(p.held, stored)
	} else if stored != nil {
		stored(nil)
	}
	return nil
}

func (p *fakePublisher) Unavailable() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.unavailable
}

func (p *fakePublisher) MaxMessage() int {
	if p.maxMessage > 0 {
		return p.maxMessage
	}
	return maxMessageSize
}

func (p *fakePublisher) setUnavailable(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unavailable = err
}

func (p *fakePublisher) setHold() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hold = true
}

// release tells everyone who waits that their records are stored.
func (p *fakePublisher) release(err error) {
	p.mu.Lock()
	held := p.held
	p.held, p.hold = nil, false
	p.mu.Unlock()
	for _, stored := range held {
		stored(err)
	}
}

func (p *fakePublisher) got() [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.frames
}

// split copies the frames that stand side by side in b; anything else panics.
func split(b []byte) (frames [][]byte) {
	r := heka.NewReader(bytes.NewReader(b), maxMessageSize)
	r.OnSkip = func(int64, int64) { panic("garbage among the frames") }
	for {
		f, err := r.Next()
		if errors.Is(err, io.EOF) {
			return frames
		}
		if err != nil {
			panic(err)
		}
		frames = append(frames, bytes.Clone(f.Raw))
	}
}

func quiet() logrus.FieldLogger {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return log
}

func testIntake(t testing.TB, pub Publisher, change ...func(*IntakeConfig)) *intake {
	t.Helper()
	cfg := testConfig(change...)
	in, err := newIntake(&cfg, pub, quiet(), newMetrics(prometheus.NewRegistry(), "tcp"))
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func testConfig(change ...func(*IntakeConfig)) IntakeConfig {
	cfg := IntakeConfig{MaxMessageSize: heka.DefaultMaxMessage, MaxConnections: 1000}
	for _, f := range change {
		f(&cfg)
	}
	return cfg
}

func startTCP(t testing.TB, pub Publisher, change ...func(*IntakeConfig)) *TCP {
	t.Helper()
	cfg := TCPConfig{BindAddress: "127.0.0.1:0", KeepAlive: true, KeepAliveDuration: 30 * time.Second, IntakeConfig: testConfig(change...)}
	r, err := NewTCP(cfg, pub, quiet(), prometheus.NewRegistry(), nil)
	if err != nil {
		t.Fatal(err)
	}
	run(t, r.Serve, r.Shutdown)
	return r
}

func startHTTP(t testing.TB, pub Publisher, change ...func(*HTTPConfig)) *HTTP {
	t.Helper()
	cfg := HTTPConfig{BindAddress: "127.0.0.1:0", MaxBody: 20 << 20, AckTimeout: patience, IntakeConfig: testConfig()}
	for _, f := range change {
		f(&cfg)
	}
	r, err := NewHTTP(cfg, pub, quiet(), prometheus.NewRegistry(), nil)
	if err != nil {
		t.Fatal(err)
	}
	run(t, r.Serve, r.Shutdown)
	return r
}

// run serves until the test ends.
func run(t testing.TB, serve func() error, shutdown func(time.Duration) error) {
	served := make(chan error, 1)
	go func() { served <- serve() }()
	t.Cleanup(func() {
		var incomplete *IncompleteError
		if err := shutdown(0); err != nil && !errors.As(err, &incomplete) {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
}

func dial(t testing.TB, addr net.Addr) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// patience is how long a test waits for what must happen, on a busy machine too.
const patience = time.Minute

// eventually polls until a condition holds, and fails the test after patience.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// checkBalance waits until every record received is counted in one place; the
// counters change one after the other.
func checkBalance(t testing.TB, m *metrics) {
	t.Helper()
	eventually(t, "received = stored + filtered + refused + in flight", func() bool {
		return m.received.Load() == m.stored.Load()+m.filtered.Load()+m.refusedRecords()+uint64(m.inFlight.Load())
	})
}

// message is a valid message with a payload.
func message(payload string) []byte {
	d := heka.Draft{UUID: []byte("0123456789abcdef"), Timestamp: 1416840893000000000, Type: "TEST", Severity: 6, Payload: payload, Hostname: "host.example.com"}
	return d.Append(nil)
}

func frame(payload string) []byte { return heka.AppendFrame(nil, message(payload)) }

// sized is a valid message of exactly n bytes, 6 or more: hostname and payload.
func sized(n int) []byte {
	for _, host := range []string{"h", "hh"} { // one of them leaves a length the payload can have
		for prefix := 2; prefix <= 4; prefix++ { // tag and length
			payload := n - 2 - len(host) - prefix
			if payload < 1 {
				continue
			}
			b := append([]byte{0x4a, byte(len(host))}, host...)
			b = append(binary.AppendUvarint(append(b, 0x32), uint64(payload)), strings.Repeat("p", payload)...)
			if len(b) == n {
				return b
			}
		}
	}
	panic("no such message")
}

// nopPublisher stores everything at once and keeps nothing.
type nopPublisher struct{}

func (nopPublisher) Append(_ context.Context, _ []byte, _ int, stored func(error)) error {
	stored(nil)
	return nil
}
func (nopPublisher) Unavailable() error { return nil }
func (nopPublisher) MaxMessage() int    { return maxMessageSize }
