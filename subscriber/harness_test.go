package subscriber

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"lagermeister/heka/encode"
	"lagermeister/internal/natsserver"
	"lagermeister/ledger"
	"lagermeister/sink"
	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

const (
	testStream = "logs"
	testGroup  = "group"
)

// scripted is a sink in memory that keeps what it took by id.
type scripted struct {
	mu     sync.Mutex
	docs   map[string]string
	times  map[string]int // deliveries by id
	sizes  []int          // of the batches offered
	script func(batch []sink.Record, results []sink.Result) error
	probe  error
}

func newScripted() *scripted { return &scripted{docs: map[string]string{}, times: map[string]int{}} }

func (s *scripted) Name() string { return "scripted" }

func (s *scripted) Probe(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.probe
}

func (s *scripted) Send(_ context.Context, batch []sink.Record, results []sink.Result) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sizes = append(s.sizes, len(batch))
	if s.script != nil {
		return s.script(batch, results)
	}
	return s.take(batch, results)
}

// take accepts a batch; it needs the lock.
func (s *scripted) take(batch []sink.Record, results []sink.Result) error {
	for i, r := range batch {
		results[i] = sink.Result{Outcome: s.one(r)}
	}
	return nil
}

func (s *scripted) one(r sink.Record) sink.Outcome {
	id := string(r.ID)
	s.docs[id] = string(r.Doc)
	if s.times[id]++; s.times[id] > 1 {
		return sink.Already
	}
	return sink.Delivered
}

// do changes the script, which runs under the sink's lock; nil takes everything.
func (s *scripted) do(script func(batch []sink.Record, results []sink.Result) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = script
}

func (s *scripted) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.docs)
}

func (s *scripted) offered() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sizes)
}

func (s *scripted) largest() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, size := range s.sizes {
		n = max(n, size)
	}
	return n
}

// world is one NATS server with one stream, and what a test does with it.
type world struct {
	testing.TB
	srv *natsserver.Server
	nc  *nats.Conn
	js  jetstream.JetStream
	ctx context.Context
	n   int // blocks published
}

func newWorld(t testing.TB, opts ...streamtest.Option) *world {
	t.Helper()
	return newWorldAs(t, "", "", opts...)
}

// newWorldAs is a server with more configuration, and a connection as user.
func newWorldAs(t testing.TB, user, conf string, opts ...streamtest.Option) *world {
	t.Helper()
	server := streamtest.Server(t, append(opts, streamtest.Extra(conf))...)
	nc := streamtest.Connect(t, server, nats.UserInfo(user, "x"))
	return &world{TB: t, srv: server, nc: nc, js: streamtest.JetStream(t, nc), ctx: streamtest.Context(t)}
}

func streamConfig() stream.Config {
	return stream.Config{Subject: testStream, StreamReplicas: 1, StreamMaxBytes: 256 << 20, DuplicateWindow: time.Minute, WhenFull: stream.WhenFullRefuse}
}

func testConfig() Config {
	c := Config{
		Durable:   testGroup,
		BatchSize: 100, BatchTimeout: 20 * time.Millisecond, BatchBytes: 1 << 20,
		Inflight: 8 << 20, MaxRefused: 0.5, DrainTimeout: 20 * time.Second,
		pace: pace{
			retryMin: time.Millisecond, retryMax: 20 * time.Millisecond, probe: 20 * time.Millisecond,
			rescan: 20 * time.Millisecond, fetch: 150 * time.Millisecond, look: 50 * time.Millisecond, progress: 100 * time.Millisecond,
		},
	}
	c.DeliverAll = true
	return c
}

func quiet() logrus.FieldLogger {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return log
}

// member is a subscriber at work.
type member struct {
	*Subscriber
	stop func() error // ends Run and returns its error
}

// join starts a member that ends with the test, unless stop was called before.
func (w *world) join(nc *nats.Conn, cfg Config, s sink.Sink) *member {
	w.Helper()
	return w.run(w.open(nc, cfg, s))
}

func (w *world) open(nc *nats.Conn, cfg Config, s sink.Sink) *Subscriber {
	w.Helper()
	return w.openOn(nc, cfg, streamConfig(), s)
}

func (w *world) openOn(nc *nats.Conn, cfg Config, streams stream.Config, s sink.Sink) *Subscriber {
	w.Helper()
	enc, err := encode.New("ecs", nil, nil)
	if err != nil {
		w.Fatal(err)
	}
	ix, err := encode.ParseIndex("logs-%{Type}")
	if err != nil {
		w.Fatal(err)
	}
	m, err := Open(w.ctx, nc, cfg, streams, s, enc, ix, quiet(), prometheus.NewRegistry(), nil)
	if err != nil {
		w.Fatal(err)
	}
	return m
}

func asIncomplete(err error, target **Incomplete) bool { return errors.As(err, target) }

// metric is the sum of a counter over its labels.
func metric(t testing.TB, m *member, name string) (sum float64) {
	t.Helper()
	families, err := m.reg.(*prometheus.Registry).Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, one := range f.GetMetric() {
			if f.GetName() == name {
				sum += one.GetCounter().GetValue()
			}
		}
	}
	return sum
}

func (w *world) run(m *Subscriber) *member {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	stop := sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	w.Cleanup(func() { stop() })
	return &member{m, stop}
}

// ensure creates the stream, so that blocks can be stored before a member joins.
func (w *world) ensure() {
	w.Helper()
	if _, err := stream.Ensure(w.ctx, w.js, streamConfig(), quiet()); err != nil {
		w.Fatal(err)
	}
}

// store publishes one block of frames with these payloads.
func (w *world) store(payloads ...string) {
	w.Helper()
	var body []byte
	for _, p := range payloads {
		body = append(body, frame(w, p)...)
	}
	w.publish(body, len(payloads))
}

func (w *world) publish(body []byte, records int) {
	w.Helper()
	w.n++
	msg := &nats.Msg{Subject: testStream, Data: body, Header: nats.Header{
		stream.HeaderRecords: {strconv.Itoa(records)},
		stream.HeaderCut:     {"1700000000123"},
		stream.HeaderMsgID:   {fmt.Sprintf("%s-%d", w.Name(), w.n)},
	}}
	if _, err := w.js.PublishMsg(w.ctx, msg); err != nil {
		w.Fatal(err)
	}
}

func payloads(prefix string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("%s-%d", prefix, i)
	}
	return list
}

// until waits for something; when it does not come the group's state is logged.
func (w *world) until(what string, ok func() bool) {
	w.Helper()
	before := w.Failed()
	defer func() {
		if w.Failed() && !before {
			info, err := w.js.Consumer(w.ctx, testStream, testGroup)
			if err != nil {
				w.Logf("the group: %v", err)
				return
			}
			i := info.CachedInfo()
			w.Logf("the group: delivered %+v, ack floor %+v, %d pending, %d unacknowledged, %d redelivered, %d requests wait, limit %d",
				i.Delivered, i.AckFloor, i.NumPending, i.NumAckPending, i.NumRedelivered, i.NumWaiting, i.Config.MaxAckPending)
		}
	}()
	streamtest.Eventually(w, what, ok)
}

// folded is what the ledger says of the group now.
func (w *world) folded() ledger.State {
	w.Helper()
	kv, err := w.js.KeyValue(w.ctx, stream.StateBucket)
	if err != nil {
		w.Fatal(err)
	}
	f := ledger.Folder{Stream: testStream, Group: testGroup, JS: w.js, KV: kv}
	state, err := f.Fold(w.ctx)
	if err != nil {
		w.Fatal(err)
	}
	return state
}

// settled waits until so many blocks are settled and acknowledged, and returns
// the sums.
func (w *world) settled(blocks uint64) ledger.Sums {
	w.Helper()
	w.until(fmt.Sprintf("%d blocks acknowledged", blocks), func() bool {
		info := w.consumer()
		return info.AckFloor.Stream >= blocks && info.NumAckPending == 0
	})
	state := w.folded()
	if n := state.Settled.Count(); n != blocks {
		w.Fatalf("%d blocks are settled, want %d", n, blocks)
	}
	return state.Sums
}

func (w *world) consumer() *jetstream.ConsumerInfo {
	w.Helper()
	c, err := w.js.Consumer(w.ctx, testStream, testGroup)
	if err != nil {
		w.Fatal(err)
	}
	info, err := c.Info(w.ctx)
	if err != nil {
		w.Fatal(err)
	}
	return info
}

// hurry has the server give unanswered blocks to others soon.
func (w *world) hurry() {
	w.Helper()
	w.ackWait(500 * time.Millisecond)
}

// ackWait sets how long the server waits for an answer to a block.
func (w *world) ackWait(d time.Duration) {
	w.Helper()
	cfg := w.consumer().Config
	cfg.AckWait = d
	if _, err := w.js.UpdateConsumer(w.ctx, testStream, cfg); err != nil {
		w.Fatal(err)
	}
}

func (w *world) deadLetters() []*jetstream.RawStreamMsg {
	w.Helper()
	s, err := w.js.Stream(w.ctx, stream.DeadName(testStream))
	if err != nil {
		w.Fatal(err)
	}
	info, err := s.Info(w.ctx)
	if err != nil {
		w.Fatal(err)
	}
	var list []*jetstream.RawStreamMsg
	for seq := uint64(1); seq <= info.State.LastSeq; seq++ {
		if msg, err := s.GetMsg(w.ctx, seq); err == nil {
			list = append(list, msg)
		}
	}
	return list
}

// stored is how many messages a stream holds.
func (w *world) stored(name string) uint64 {
	w.Helper()
	s, err := w.js.Stream(w.ctx, name)
	if err != nil {
		w.Fatal(err)
	}
	return s.CachedInfo().State.Msgs
}
