package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/encoding/protowire"

	"lagermeister/heka"
	"lagermeister/internal/loadgen"
	"lagermeister/internal/pipeline"
	"lagermeister/sink/sinktest"
	"lagermeister/stats"
	"lagermeister/stream/streamtest"
)

// signedWithSeparator returns a record whose signature holds the byte that ends a
// header.
func signedWithSeparator(number int) []byte {
	plain := frame(number, 300)
	body := plain[len(plain)-300:]
	if f, _, _ := new(heka.Scanner).Next(plain); f.Raw != nil {
		body = f.Body
	}
	for version := range uint32(10_000) {
		s := heka.Signer{Name: "ops", Version: version, Key: []byte("key"), Hash: heka.SHA1}
		signed := heka.AppendSignedFrame(nil, body, s)
		if h := signed[2 : 2+signed[1]]; bytes.IndexByte(h, heka.UnitSeparator) >= 0 {
			return signed
		}
	}
	panic("no such signature in ten thousand")
}

func TestOriginalDefect05SeparatorInsideAHeader(t *testing.T) {
	t.Parallel()
	r := start(t)
	const records = 50
	var all []byte
	for n := range records {
		all = append(all, signedWithSeparator(n)...)
		all = append(all, "garbage with \x1f in it"...)
	}
	r.send(t, append(all, frame(records, 300)...), 7)
	r.documents(t, records+1)
}

func TestOriginalDefect12MatchSpecOfTheTCPReceiver(t *testing.T) {
	t.Parallel()
	r := start(t, func(s *pipeline.Settings) { s.TCP.MatchSpec = `Payload =~ /^number \d*7 /` })
	var all []byte
	for n := range 100 {
		all = append(all, frame(n, 300)...)
	}
	r.send(t, all, 1460)
	for _, doc := range r.documents(t, 10) {
		if number(t, doc)%10 != 7 {
			t.Errorf("the match spec let pass %s", doc)
		}
	}
}

func TestOriginalDefect14RecordFromTheFuture(t *testing.T) {
	t.Parallel()
	far := sinktest.New(t)
	r := start(t, to(far))
	d := heka.Draft{Timestamp: time.Now().AddDate(50, 0, 0).UnixNano(), Hostname: "h", Payload: "number 1"}
	r.send(t, heka.AppendFrame(nil, d.Append(nil)), 100)
	far.Await(t, 1)
	r.send(t, frame(0, 300), 1000)
	far.Await(t, 2)
	holds(t, far, 2)
}

func TestOriginalDefect16LargeAndCutBodies(t *testing.T) {
	t.Parallel()
	r := start(t)
	client := &http.Client{Timeout: patience}
	bodies := 0
	for _, size := range []int{21_503, 21_504, 21_505, 40_000, 65_000} {
		if status := r.post(t, client, frame(bodies, size)); status != http.StatusOK {
			t.Errorf("%d bytes: %d", size, status)
		}
		bodies++
	}
	conn := dial(t, r.HTTP)
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: relay\r\nContent-Length: 50000\r\n\r\n%s", frame(0, 30_000))
	conn.Close()
	eventually(t, "nothing of the cut request is left", func() bool { return r.metric(t, "lagermeister_receiver_connections", "input", "http") <= 1 })
	r.documents(t, bodies)
}

// field is a member of a message, made by hand where heka.Draft would not.
func field(name *string, valueType uint64, values ...[]byte) []byte {
	var f []byte
	if name != nil {
		f = protowire.AppendString(protowire.AppendTag(f, 1, protowire.BytesType), *name)
	}
	f = protowire.AppendVarint(protowire.AppendTag(f, 2, protowire.VarintType), valueType)
	for _, v := range values {
		f = append(f, v...)
	}
	return protowire.AppendBytes(protowire.AppendTag(nil, 10, protowire.BytesType), f)
}

func TestOriginalDefects17And18And20HostileRecords(t *testing.T) {
	t.Parallel()
	name := "n"
	host := protowire.AppendString(protowire.AppendTag(nil, 9, protowire.BytesType), "h")
	payload := func(text string) []byte {
		return protowire.AppendString(protowire.AppendTag(nil, 6, protowire.BytesType), text)
	}
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	nan := protowire.AppendFixed64(protowire.AppendTag(nil, 7, protowire.Fixed64Type), math.Float64bits(math.NaN()))
	good := [][]byte{
		join(host, payload("no timestamp")),
		join(host, field(&name, 0)),          // no payload, a field without value
		join(host, field(nil, 2)),            // nor name
		join(host, field(&name, 3, nan)),     // no number
		join(host, field(&name, 77, nan)),    // no such type
		join(host, payload("")),              // empty
		join(host, payload("\xff\xfe\x00")),  // no text
		join(payload("x"), host, host, host), // repeated
		join(host, bytes.Repeat(field(&name, 0), 5000)),
	}
	negative := protowire.AppendVarint(protowire.AppendTag(nil, 6, protowire.BytesType), math.MaxUint64)
	bad := [][]byte{
		join(host, negative),
		join(negative, host),
		join(host, protowire.AppendVarint(protowire.AppendTag(nil, 10, protowire.BytesType), 1<<63)),
	}
	r := start(t)
	for i, body := range good {
		if status := r.post(t, http.DefaultClient, body); status != http.StatusOK {
			t.Errorf("record %d over HTTP: %d", i, status)
		}
	}
	for i, body := range bad {
		if status := r.post(t, http.DefaultClient, body); status != http.StatusBadRequest {
			t.Errorf("damaged record %d over HTTP: %d", i, status)
		}
	}
	// A separator near the end of what the original's buffer held.
	for _, end := range []string{"\x1e\xff\x1f", "\x1e\x01\x1f", "\x1e", "\x1e\xff", "\x1e\x0a\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x1f"} {
		r.send(t, append(bytes.Repeat([]byte("x"), 10_230), end...), 20_000)
	}
	var frames []byte
	for _, body := range append(bad, join(host, payload("after all that"))) {
		frames = heka.AppendFrame(frames, body)
	}
	r.send(t, frames, 3)
	r.documents(t, len(good)+1)
}

func TestOriginalDefect19GarbageWithoutAHeader(t *testing.T) {
	t.Parallel()
	r := start(t)
	garbage := bytes.Repeat([]byte("no header in sight\n"), 2000)
	r.send(t, append(garbage, frame(0, 300)...), 1460)
	r.documents(t, 1)
	if n := r.metric(t, "lagermeister_receiver_garbage_bytes_total"); n != float64(len(garbage)) {
		t.Errorf("%v bytes of garbage counted, want %d", n, len(garbage))
	}
}

func TestOriginalDefect26SignaturesAreStored(t *testing.T) {
	t.Parallel()
	r := start(t)
	signed := signedWithSeparator(0)
	r.send(t, signed, 1000)
	r.documents(t, 1)
	s, err := r.js.Stream(streamtest.Context(t), streamName)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := s.GetMsg(streamtest.Context(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(msg.Data, signed) {
		t.Errorf("stored %q\nwant   %q", msg.Data, signed)
	}
}

func TestOriginalDefect28GeneratorReusesItsConnections(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	opened := 0
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Lm-Stored", "1")
		w.Header().Set("Lm-Filtered", "0")
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			mu.Lock()
			opened++
			mu.Unlock()
		}
	}
	server.Start()
	defer server.Close()
	cfg := loadgen.Config{Protocol: "http", Address: server.URL, Connections: 2, PerRequest: 1, Size: 300, Distribution: "fixed", Count: 500}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	g, err := loadgen.New(cfg, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if opened > cfg.Connections {
		t.Errorf("%d connections for %d requests of %d senders", opened, cfg.Count, cfg.Connections)
	}
}

func TestOriginalDefect29FailedPostsAreNoThroughput(t *testing.T) {
	t.Parallel()
	const records = 20
	far := sinktest.New(t)
	far.Fail(sinktest.Status(http.StatusInternalServerError))
	r := start(t, to(far))
	nc, err := nats.Connect(r.NATS, nats.Timeout(patience))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	var mu sync.Mutex
	throughput, posts := 0.0, 0.0
	if _, err := nc.Subscribe(stats.DefaultSubject, func(m *nats.Msg) {
		var e stats.Event
		if json.Unmarshal(m.Data, &e) != nil || e.Sender != stats.ESOutput {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		switch e.MetricType {
		case stats.Throughput:
			throughput += e.Value
		case stats.BatchCount:
			posts += e.Value
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	seen := func() (float64, float64) {
		mu.Lock()
		defer mu.Unlock()
		return throughput, posts
	}
	for n := range records {
		r.send(t, frame(n, 300), 1000)
	}
	eventually(t, "failed posts are reported", func() bool { _, posts := seen(); return posts >= 2 })
	if n, _ := seen(); n != 0 {
		t.Errorf("throughput of %v, though every post failed", n)
	}
	far.Heal()
	far.Await(t, records)
	eventually(t, "what was taken is reported", func() bool { n, _ := seen(); return n >= records })
	if n, _ := seen(); n != records {
		t.Errorf("throughput of %v, %d were taken", n, records)
	}
}
