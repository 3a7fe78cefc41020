// Package e2e runs the whole suite in this process, as local_relay does, and
// holds it to what it promises: records go in over TCP and HTTP, and what comes
// out is asked of the search API, of a sink that keeps a ledger, or of the stream.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"

	"lagermeister/heka"
	"lagermeister/internal/pipeline"
	"lagermeister/internal/program"
	"lagermeister/stream/streamtest"
)

var long = flag.Bool("long", false, "let outages last as long as an operator's do")

// subject is where a relay stores records, and streamName what the stream is called.
const (
	subject    = "lagermeister-test"
	streamName = "lagermeister-test"
)

// relay is a running pipeline.
type relay struct {
	pipeline.Addrs
	program *program.Program
	js      jetstream.JetStream
}

// start runs a pipeline on free ports, with its data in a folder of its own; it
// drains at the end of the test, which fails if that does.
func start(t *testing.T, changes ...func(*pipeline.Settings)) *relay {
	t.Helper()
	s := pipeline.Defaults()
	if _, err := program.Configure("local_relay", nil, io.Discard, s.Parts()...); err != nil {
		t.Fatal(err)
	}
	s.Relay.DataDir = t.TempDir()
	s.Relay.NATSAddress, s.Relay.StoreAddress, s.Relay.StatsAddress = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	s.TCP.BindAddress, s.HTTP.BindAddress, s.Dashboard.HTTPPort = "127.0.0.1:0", "127.0.0.1:0", 0
	s.HTTP.AckTimeout = patience // a busy disk is no reason to refuse
	for _, change := range changes {
		change(s)
	}
	log := logrus.New()
	log.SetOutput(testLog{t})
	log.SetLevel(logrus.ErrorLevel)
	ctx, cancel := context.WithCancel(context.Background())
	p := program.New(ctx, "local_relay", log)
	pl, err := pipeline.New(ctx, p, s)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- pl.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the pipeline ended with: %v", err)
		}
	})
	nc, err := nats.Connect(pl.Addrs().NATS, nats.Timeout(patience))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return &relay{Addrs: pl.Addrs(), program: p, js: streamtest.JetStream(t, nc)}
}

// testLog gives what a pipeline logs to the log of its test.
type testLog struct{ t *testing.T }

func (l testLog) Write(line []byte) (int, error) {
	l.t.Logf("%s", bytes.TrimSpace(line))
	return len(line), nil
}

// dial opens a connection that is closed with the test.
func dial(t *testing.T, addr net.Addr) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// send writes bytes to the TCP receiver over a connection of their own, in
// pieces of the given size.
func (r *relay) send(t *testing.T, b []byte, piece int) {
	t.Helper()
	conn := dial(t, r.TCP)
	for len(b) > 0 {
		n, err := conn.Write(b[:min(piece, len(b))])
		if err != nil {
			t.Fatal(err)
		}
		b = b[n:]
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
}

// post sends one request to the HTTP receiver and returns the status of its answer.
func (r *relay) post(t *testing.T, client *http.Client, body []byte) int {
	t.Helper()
	resp, err := client.Post("http://"+r.HTTP.String()+"/", "application/octet-stream", bytes.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// answer is what the tests read of an answer of the search API.
type answer struct {
	Total   int    `json:"total"`
	TotalIs string `json:"total_is"`
	Next    string `json:"next"`
	Records []struct {
		ID  string          `json:"id"`
		Doc json.RawMessage `json:"doc"`
	} `json:"records"`
}

// search asks for one page.
func (r *relay) search(t *testing.T, query url.Values) (a answer) {
	t.Helper()
	u := "http://" + r.Dashboard.String() + "/api/v2/search?" + query.Encode()
	resp, err := http.Get(u)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: status %d, %v: %s", u, resp.StatusCode, err, body)
	}
	if err := json.Unmarshal(body, &a); err != nil {
		t.Fatalf("GET %s: %v", u, err)
	}
	return a
}

// documents returns all records, by id, that are found once there are want of
// them. The test fails when they do not come, or when there are more.
func (r *relay) documents(t *testing.T, want int) map[string]string {
	t.Helper()
	var last answer
	for deadline := time.Now().Add(patience); last.Total < want; time.Sleep(20 * time.Millisecond) {
		if last = r.search(t, url.Values{"limit": {"1"}}); time.Now().After(deadline) {
			t.Fatalf("search finds %d records, expected %d", last.Total, want)
		}
	}
	found := map[string]string{}
	pages := url.Values{"limit": {"1000"}}
	for {
		page := r.search(t, pages)
		for _, record := range page.Records {
			if _, twice := found[record.ID]; twice {
				t.Errorf("%s is found twice", record.ID)
			}
			found[record.ID] = string(record.Doc)
		}
		if page.Next == "" {
			break
		}
		pages.Set("cursor", page.Next)
	}
	if len(found) != want {
		t.Errorf("search lists %d records, expected %d", len(found), want)
	}
	return found
}

// patience is how long a test waits for what must happen, on a busy machine too.
const patience = time.Minute

// eventually polls until ok, and fails the test when that takes longer than patience.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// ready asks the admin port and returns the status of the answer and its text.
func (r *relay) ready(t *testing.T) (status int, text string) {
	t.Helper()
	resp, err := http.Get("http://" + r.Admin.String() + "/ready")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// metric is the sum of a metric's series that carry the labels, given as name,
// value, ….
func (r *relay) metric(t testing.TB, name string, labels ...string) (sum float64) {
	t.Helper()
	families, err := r.program.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
	series:
		for _, m := range family.GetMetric() {
			has := map[string]string{}
			for _, l := range m.GetLabel() {
				has[l.GetName()] = l.GetValue()
			}
			for i := 0; i < len(labels); i += 2 {
				if has[labels[i]] != labels[i+1] {
					continue series
				}
			}
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}

// state is that of the stream.
func (r *relay) state(t testing.TB) jetstream.StreamState {
	t.Helper()
	s, err := r.js.Stream(streamtest.Context(t), streamName)
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().State
}

// floor is the sequence up to which the group es_subscriber has settled.
func (r *relay) floor(t testing.TB) uint64 {
	t.Helper()
	c, err := r.js.Consumer(streamtest.Context(t), streamName, "es_subscriber")
	if err != nil {
		t.Fatal(err)
	}
	return c.CachedInfo().AckFloor.Stream
}

// began is the time of record 0, today, so that indices are as in life.
var began = time.Now()

// frame is a record with a uuid of its own, its number as payload, and a filling
// that gives it about the wanted size; the same bytes each time.
func frame(number, size int) []byte {
	uuid := fmt.Appendf(nil, "%016d", number)
	payload := fmt.Sprintf("number %d", number)
	if n := size - len(payload); n > 0 {
		payload += " " + string(bytes.Repeat([]byte("x"), n))
	}
	d := heka.Draft{UUID: uuid, Timestamp: began.Add(time.Duration(number) * time.Microsecond).UnixNano(), Type: "e2e", Hostname: "host.example.com", Payload: payload}
	return heka.AppendFrame(nil, d.Append(nil))
}

// number is what frame was made from, read out of a document in ecs shape.
func number(t testing.TB, doc string) (n int) {
	t.Helper()
	var d struct{ Message string }
	if err := json.Unmarshal([]byte(doc), &d); err != nil {
		t.Fatalf("%v in %.200s", err, doc)
	}
	if _, err := fmt.Sscanf(d.Message, "number %d", &n); err != nil {
		t.Fatalf("%v in %.200s", err, doc)
	}
	return n
}
