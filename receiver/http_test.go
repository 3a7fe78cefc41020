package receiver

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"lagermeister/heka"
)

// reply is what a client sees.
type reply struct {
	status           int
	stored, filtered string
	header           http.Header
	text             string
	body             struct {
		Status, Message, Reason string
		Offset                  *int
	}
}

func request(t testing.TB, h *HTTP, method, path string, body io.Reader, header ...string) reply {
	t.Helper()
	r, err := http.NewRequest(method, "http://"+h.Addr().String()+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return do(t, http.DefaultClient, r)
}

func do(t testing.TB, client *http.Client, r *http.Request) reply {
	t.Helper()
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	got := reply{status: resp.StatusCode, stored: resp.Header.Get("Lm-Stored"), filtered: resp.Header.Get("Lm-Filtered"), header: resp.Header, text: string(text)}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &got.body); err != nil {
			t.Errorf("answer %q is no JSON: %v", text, err)
		}
	}
	return got
}

func post(t testing.TB, h *HTTP, body []byte, header ...string) reply {
	t.Helper()
	return request(t, h, "POST", "/", bytes.NewReader(body), header...)
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

func zstandard(b []byte) []byte {
	w, _ := zstd.NewWriter(nil)
	return w.EncodeAll(b, nil)
}

func TestHTTPAnswers(t *testing.T) {
	t.Parallel()
	const limit = 200_000
	good, drop := frame("good"), frame("drop")
	noHost := heka.AppendFrame(nil, (&heka.Draft{Payload: "x"}).Append(nil))
	noContent := (&heka.Draft{Hostname: "h"}).Append(nil)
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	twice := join(good, good)
	at := func(n int) *int { return &n }

	cases := []struct {
		name     string
		body     []byte
		header   []string
		status   int
		stored   int // for 200
		filtered int
		reason   string
		offset   *int
	}{
		{name: "bare message", body: message("good"), status: 200, stored: 1},
		{name: "one frame", body: good, status: 200, stored: 1},
		{name: "two frames", body: twice, status: 200, stored: 2},
		{name: "bare, filtered", body: message("drop"), status: 200, filtered: 1},
		{name: "some filtered", body: join(drop, good, drop, drop, good), status: 200, stored: 2, filtered: 3},
		{name: "gzip", body: gzipped(twice), header: []string{"Content-Encoding", "gzip"}, status: 200, stored: 2},
		{name: "GZip, bare", body: gzipped(message("good")), header: []string{"Content-Encoding", "GZip"}, status: 200, stored: 1},
		{name: "zstd", body: zstandard(twice), header: []string{"Content-Encoding", "zstd"}, status: 200, stored: 2},
		{name: "identity", body: twice, header: []string{"Content-Encoding", "identity"}, status: 200, stored: 2},
		{name: "any content type", body: good, header: []string{"Content-Type", "text/html"}, status: 200, stored: 1},

		{name: "empty", body: []byte{}, status: 400, reason: "hostname", offset: at(0)},
		{name: "not a message", body: []byte("hello"), status: 400, reason: "undecodable", offset: at(4)},
		{name: "damage inside a bare message", body: join(message("good"), []byte{0xff}), status: 400, reason: "undecodable", offset: at(len(message("good")))},
		{name: "no hostname", body: join(good, noHost), status: 400, reason: "hostname", offset: at(len(good))},
		{name: "neither payload nor field", body: noContent, status: 400, reason: "empty", offset: at(0)},
		{name: "damage inside a frame", body: join(good, heka.AppendFrame(nil, []byte{0x4a, 1, 'h', 0xff})), status: 400, reason: "undecodable", offset: at(len(good) + 5 + 3)},
		{name: "bytes between frames", body: join(good, []byte("\n"), good), status: 400, reason: "undecodable", offset: at(len(good))},
		{name: "bytes behind frames", body: join(good, []byte("\n")), status: 400, reason: "undecodable", offset: at(len(good))},
		{name: "a frame that is cut off", body: join(good, good[:20]), status: 400, reason: "truncated", offset: at(len(good))},
		{name: "a bad header", body: join(good, []byte{0x1e, 0, 0}, good), status: 400, reason: "undecodable", offset: at(len(good))},
		{name: "a bad header before one of a large message", body: join(good, []byte{0x1e, 0, 0}, frame(strings.Repeat("x", 66_000))), status: 400, reason: "undecodable", offset: at(len(good))},
		{name: "not gzip", body: good, header: []string{"Content-Encoding", "gzip"}, status: 400, reason: "encoding"},
		{name: "half of gzip", body: gzipped(good)[:30], header: []string{"Content-Encoding", "gzip"}, status: 400, reason: "encoding"},
		{name: "not zstd", body: good, header: []string{"Content-Encoding", "zstd"}, status: 400, reason: "encoding"},

		{name: "message too large", body: message(strings.Repeat("x", 66_000)), status: 413, reason: "oversized", offset: at(0)},
		{name: "framed message too large", body: join(good, frame(strings.Repeat("x", 66_000))), status: 413, reason: "oversized", offset: at(len(good))},
		{name: "body too large", body: make([]byte, limit+1), status: 413},
		{name: "largest body", body: bytes.Repeat(good, limit/len(good)), status: 200, stored: limit / len(good)},
		{name: "gzip bomb", body: gzipped(make([]byte, 100<<20)), header: []string{"Content-Encoding", "gzip"}, status: 413},
		{name: "zstd bomb", body: zstandard(make([]byte, 100<<20)), header: []string{"Content-Encoding", "zstd"}, status: 413},

		{name: "unknown encoding", body: good, header: []string{"Content-Encoding", "br"}, status: 415},
		{name: "two encodings", body: good, header: []string{"Content-Encoding", "gzip, zstd"}, status: 415},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			pub := &fakePublisher{}
			h := startHTTP(t, pub, func(cfg *HTTPConfig) { cfg.MaxBody, cfg.MatchSpec = limit, `Payload != "drop"` })
			got := post(t, h, c.body, c.header...)
			checkBalance(t, h.metrics)
			eventually(t, "body released", func() bool { return h.budget.used.Load() == 0 })
			if got.status != c.status {
				t.Fatalf("status %d (%s), want %d", got.status, got.text, c.status)
			}
			if c.status == 200 {
				if want := fmt.Sprint(c.stored, " ", c.filtered, " "); got.stored+" "+got.filtered+" "+got.text != want {
					t.Errorf("stored, filtered, body: %q %q %q, want %q", got.stored, got.filtered, got.text, want)
				}
				sameFrames(t, "appended", pub.got(), slicesOf(good, c.stored))
				return
			}
			if got.body.Status != "error" || got.body.Message == "" || got.body.Reason != c.reason {
				t.Errorf("answer is %s, want an error with reason %q", got.text, c.reason)
			}
			if c.offset != nil && (got.body.Offset == nil || *got.body.Offset != *c.offset) {
				t.Errorf("answer is %s, want offset %d", got.text, *c.offset)
			}
			if len(pub.got()) > 0 || got.stored != "" {
				t.Errorf("%d records stored of a request that was refused", len(pub.got()))
			}
		})
	}
}

func slicesOf(b []byte, n int) (list [][]byte) {
	for range n {
		list = append(list, b)
	}
	return list
}

func TestHTTPMethods(t *testing.T) {
	t.Parallel()
	h := startHTTP(t, &fakePublisher{})
	for _, method := range []string{"GET", "PUT", "DELETE", "OPTIONS"} {
		got := request(t, h, method, "/any/path", nil)
		if got.status != 405 || got.header.Get("Allow") != "POST" || got.body.Message != "Invalid request action! Expected POST." {
			t.Errorf("%s: %d %s, Allow %q", method, got.status, got.text, got.header.Get("Allow"))
		}
	}
	if got := request(t, h, "POST", "/any/path", bytes.NewReader(frame("x"))); got.status != 200 {
		t.Errorf("POST to any path: %d %s", got.status, got.text)
	}
}

func TestHTTPNeedsALengthOrChunks(t *testing.T) {
	t.Parallel()
	pub := &fakePublisher{}
	h := startHTTP(t, pub)
	c := dial(t, h.Addr())
	write(t, c, []byte("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
	if got, _ := io.ReadAll(c); !bytes.HasPrefix(got, []byte("HTTP/1.1 411 ")) {
		t.Errorf("without a length: %s", got)
	}
	chunked := io.MultiReader(bytes.NewReader(frame("a")), bytes.NewReader(frame("b"))) // no length known
	if got := request(t, h, "POST", "/", chunked); got.status != 200 || got.stored != "2" {
		t.Errorf("chunked: %d %s", got.status, got.text)
	}
}

func TestHTTPRefusalNamesByteAndField(t *testing.T) {
	t.Parallel()
	h := startHTTP(t, &fakePublisher{})
	good := frame("good")
	for _, c := range []struct {
		body []byte
		want string
	}{
		{heka.AppendFrame(nil, []byte{0x4a, 1, 'h', 0x1a, 9, 'a'}), "message cannot be decoded at byte 3, field 3 (type): length goes beyond the last byte"},
		{heka.AppendFrame(nil, []byte{0x32, 1, 'p'}), "message has no hostname (field 9)"},
		{[]byte{0x1e, 1, 0x08, 'x'}, "byte 0x78 instead of the unit separator behind 1 header bytes"},
		{[]byte{0x1e, 2, 0x0d, 1, 0x1f}, "byte 0 of a 2 byte header: wire type does not belong to this field"},
		{heka.AppendFrame(nil, make([]byte, 70_000)), "header announces a message of 70000 bytes, limit 65536"},
		{good[:9], fmt.Sprintf("frame is cut off: needs at least %d bytes, 9 are left", len(good))},
		{[]byte("\n"), "no frame starts here: expected 0x1E"},
	} {
		want := fmt.Sprintf("Invalid message sent: record 1, from byte %d: %s", len(good), c.want)
		if got := post(t, h, append(bytes.Clone(good), c.body...)); !strings.HasPrefix(got.body.Message, want) {
			t.Errorf("%d %s, want %s", got.status, got.text, want)
		}
	}
}

func TestHTTPBodyThatEndsTooEarlyIsToldByItsKind(t *testing.T) {
	t.Parallel()
	h := startHTTP(t, &fakePublisher{})
	for header, want := range map[string]string{
		"Content-Length: 100":        "before its length of 100 bytes",
		"Transfer-Encoding: chunked": "before its last chunk",
	} {
		c := dial(t, h.Addr())
		fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n1\r\na\r\n", header)
		if err := c.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if got, _ := io.ReadAll(c); !bytes.HasPrefix(got, []byte("HTTP/1.1 400 ")) || !bytes.Contains(got, []byte(want)) {
			t.Errorf("%s: %s", header, got)
		}
	}
}

func TestHTTPClientThatBreaksOff(t *testing.T) {
	t.Parallel()
	pub := &fakePublisher{}
	h := startHTTP(t, pub)
	c := dial(t, h.Addr())
	one := frame("x")
	fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", 2*len(one))
	write(t, c, one)
	c.Close()
	eventually(t, "request over", func() bool { return h.connections.Load() == 0 && h.open.Load() == 0 })
	if len(pub.got()) > 0 {
		t.Error("half of a request was stored")
	}
}

func TestHTTPAnswersOnlyWhenStored(t *testing.T) {
	t.Parallel()
	pub := &fakePublisher{hold: true}
	h := startHTTP(t, pub)
	got := make(chan reply, 1)
	go func() { got <- post(t, h, frame("x")) }()
	appended(t, pub, 1)
	eventually(t, "body released before it is stored", func() bool { return h.budget.used.Load() == 0 })
	select {
	case r := <-got:
		t.Fatalf("answered %d before the record was stored", r.status)
	default:
	}
	pub.release(nil)
	if r := <-got; r.status != 200 || r.stored != "1" {
		t.Errorf("%d %s", r.status, r.text)
	}
	checkBalance(t, h.metrics)
}

func TestHTTPAckTimeoutIs503AndMayStillBeStored(t *testing.T) {
	t.Parallel()
	pub := &fakePublisher{hold: true}
	h := startHTTP(t, pub, func(c *HTTPConfig) { c.AckTimeout = 50 * time.Millisecond })
	got := post(t, h, frame("x"))
	if got.status != 503 || got.header.Get("Retry-After") == "" || !strings.Contains(got.body.Message, "unknown whether") {
		t.Errorf("%d %s, Retry-After %q", got.status, got.text, got.header.Get("Retry-After"))
	}
	checkBalance(t, h.metrics)
	pub.release(nil)
	if h.stored.Load() != 1 || h.inFlight.Load() != 0 {
		t.Errorf("stored %d, in flight %d after a late acknowledgement, want 1 and 0", h.stored.Load(), h.inFlight.Load())
	}
	checkBalance(t, h.metrics)
}

func TestHTTPFullWindowIs503(t *testing.T) {
	t.Parallel()
	h := startHTTP(t, &fakePublisher{full: make(chan struct{})}, func(c *HTTPConfig) { c.AckTimeout = 50 * time.Millisecond })
	if got := post(t, h, frame("x")); got.status != 503 {
		t.Errorf("%d %s", got.status, got.text)
	}
	checkBalance(t, h.metrics)
}

func TestHTTPUnavailableStreamIs503AtOnce(t *testing.T) {
	t.Parallel()
	pub := &fakePublisher{unavailable: errors.New("stream is full")}
	h := startHTTP(t, pub)
	got := post(t, h, frame("x"))
	if got.status != 503 || got.header.Get("Retry-After") == "" || !strings.Contains(got.body.Message, "stream is full") {
		t.Errorf("%d %s", got.status, got.text)
	}
	if got := request(t, h, "GET", "/health", nil); got.status != 503 || got.body.Status != "error" {
		t.Errorf("/health: %d %s", got.status, got.text)
	}
	if len(pub.got()) > 0 {
		t.Error("record appended all the same")
	}
}

func TestHTTPBodiesBeyondTheBudgetAre503(t *testing.T) {
	t.Parallel()
	pub := &fakePublisher{}
	h := startHTTP(t, pub)
	h.budget.limit = 100_000
	c := dial(t, h.Addr())
	fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n%s", make([]byte, 59_999)) // all but one byte
	eventually(t, "the slow request holds its buffer", func() bool { return h.budget.used.Load() >= 60_000 })
	if got := post(t, h, make([]byte, 60_000)); got.status != 503 || got.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", got.status, got.text)
	}
	if got := post(t, h, frame("small")); got.status != 200 {
		t.Errorf("a body that fits: %d %s", got.status, got.text)
	}
}

func TestHTTPHealthShowsCounters(t *testing.T) {
	t.Parallel()
	h := startHTTP(t, &fakePublisher{}, func(c *HTTPConfig) { c.MatchSpec = `Payload != "drop"` })
	post(t, h, append(frame("keep"), frame("drop")...))
	post(t, h, []byte("?"))
	want := `{"errorCount": 0, "inFlight": 0, "receivedCount": 3, "refusedCount": 1, "skipped": 1, "storedCount": 1}` + "\n"
	if got := request(t, h, "GET", "/health", nil); got.status != 200 || got.text != want {
		t.Errorf("%d %s, want %s", got.status, got.text, want)
	}
}

func TestHTTPConcurrentRequestsAreAllStored(t *testing.T) {
	t.Parallel()
	pub := &fakePublisher{}
	h := startHTTP(t, pub, func(c *HTTPConfig) { c.MatchSpec = `Payload != "drop"` })
	const clients, requests = 16, 50
	var wait sync.WaitGroup
	for client := range clients {
		wait.Go(func() {
			for i := range requests {
				body, header := append(frame(fmt.Sprintf("%d.%d", client, i)), frame("drop")...), []string(nil)
				switch i % 3 {
				case 1:
					body, header = gzipped(body), []string{"Content-Encoding", "gzip"}
				case 2:
					body, header = zstandard(body), []string{"Content-Encoding", "zstd"}
				}
				if got := post(t, h, body, header...); got.status != 200 || got.stored != "1" || got.filtered != "1" {
					t.Errorf("%d %s", got.status, got.text)
				}
			}
		})
	}
	wait.Wait()
	seen := map[string]bool{}
	for _, f := range pub.got() {
		seen[string(f)] = true
	}
	if len(seen) != clients*requests {
		t.Errorf("%d distinct records stored, want %d", len(seen), clients*requests)
	}
	checkBalance(t, h.metrics)
}

func TestHTTPRefusedRequestsBalance(t *testing.T) {
	t.Parallel()
	h := startHTTP(t, &fakePublisher{})
	post(t, h, bytes.Join([][]byte{frame("1"), frame("2"), heka.AppendFrame(nil, nil)}, nil))
	if h.received.Load() != 3 || h.refused[neighbour].Load() != 2 || h.refused[hostname].Load() != 1 {
		t.Errorf("received %d, refused as neighbour %d, for the hostname %d; want 3, 2, 1",
			h.received.Load(), h.refused[neighbour].Load(), h.refused[hostname].Load())
	}
	checkBalance(t, h.metrics)
}

func TestHTTPShutdownFinishesOpenRequests(t *testing.T) {
	t.Parallel()
	pub := &fakePublisher{hold: true}
	h := startHTTP(t, pub)
	got := make(chan reply, 1)
	go func() { got <- post(t, h, frame("x")) }()
	appended(t, pub, 1)
	done := make(chan error, 1)
	go func() { done <- h.Shutdown(patience) }()
	eventually(t, "draining", func() bool { return len(h.NotReady()) > 0 })
	pub.release(nil)
	if r := <-got; r.status != 200 {
		t.Errorf("%d %s", r.status, r.text)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestHTTPShutdownCutsRequestsThatDoNotFinish(t *testing.T) {
	t.Parallel()
	pub := &fakePublisher{hold: true}
	h := startHTTP(t, pub)
	c := dial(t, h.Addr())
	one := frame("x")
	fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(one), one)
	appended(t, pub, 1)
	var incomplete *IncompleteError
	if err := h.Shutdown(50 * time.Millisecond); !errors.As(err, &incomplete) || incomplete.Requests != 1 {
		t.Errorf("shutdown says %v, want 1 request cut off", err)
	}
	checkBalance(t, h.metrics)
}

func TestHTTPWithTLSAndClientCertificates(t *testing.T) {
	t.Parallel()
	pub := &fakePublisher{}
	server, client := newIdentity(t, "server"), newIdentity(t, "client")
	h := startHTTP(t, pub, func(c *HTTPConfig) { server.serves(&client)(&c.IntakeConfig) })
	send := func(own ...tls.Certificate) (reply, error) {
		transport := &http.Transport{TLSClientConfig: server.trusting(own...)}
		defer transport.CloseIdleConnections()
		r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "https://"+h.Addr().String(), bytes.NewReader(frame("x")))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := transport.RoundTrip(r)
		if err != nil {
			return reply{}, err
		}
		resp.Body.Close()
		return reply{status: resp.StatusCode}, nil
	}
	if _, err := send(); err == nil {
		t.Error("a client without a certificate gets an answer")
	}
	if got, err := send(client.pair); err != nil || got.status != 200 {
		t.Errorf("client with a certificate: %d, %v", got.status, err)
	}
	sameFrames(t, "stored", pub.got(), [][]byte{frame("x")})
}

func TestHTTPConnectionLimit(t *testing.T) {
	t.Parallel()
	h := startHTTP(t, &fakePublisher{}, func(c *HTTPConfig) { c.MaxConnections = 1 })
	dial(t, h.Addr())
	eventually(t, "one connection open", func() bool { return h.connections.Load() == 1 })
	closedByServer(t, dial(t, h.Addr()))
}

// BenchmarkHTTP measures requests of 100 records of 300 bytes over loopback,
// without a stream behind.
func BenchmarkHTTP(b *testing.B) {
	h := startHTTP(b, nopPublisher{})
	const records = 100
	body := bytes.Repeat(heka.AppendFrame(nil, sized(300-6)), records)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if got := post(b, h, body); got.status != 200 {
			b.Fatal(got.text)
		}
	}
	b.ReportMetric(records*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
