package receiver

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"lagermeister/heka"
)

// claim begins a frame whose header announces a message of 65536 bytes, of which
// nothing follows.
var claim = []byte{heka.RecordSeparator, 4, 8, 0x80, 0x80, 4, heka.UnitSeparator}

func TestTCPMemoryIsNotGivenOnTheWordOfAHeader(t *testing.T) {
	t.Parallel()
	r := startTCP(t, &fakePublisher{})
	const n = 50
	for range n {
		write(t, dial(t, r.Addr()), claim)
	}
	eventually(t, "all stand inside a frame", func() bool { return r.frames.used.Load() >= n*smallestBuffer })
	if held := r.frames.used.Load(); held > n*smallestBuffer {
		t.Errorf("%d bytes held for %d that came", held, n*len(claim))
	}
}

func TestTCPWhoStandsLongestInsideAFrameMakesRoomForOthers(t *testing.T) {
	t.Parallel()
	pub := &fakePublisher{}
	r := startTCP(t, pub)
	r.grace = 50 * time.Millisecond
	r.frames.limit = 4 * smallestBuffer
	var standing []net.Conn
	for range 4 {
		c := dial(t, r.Addr())
		standing = append(standing, c)
		write(t, c, claim)
		held := int64(len(standing)) * smallestBuffer
		eventually(t, "inside a frame", func() bool { return r.frames.used.Load() == held })
	}
	began := time.Now()
	eventually(t, "all have stood for long enough", func() bool { return time.Since(began) > 2*r.grace })
	c, f := dial(t, r.Addr()), frame("x")
	write(t, c, f[:20])
	closedByServer(t, standing[0])
	write(t, c, f[20:])
	sameFrames(t, "of who came last", appended(t, pub, 1), [][]byte{f})
	for _, c := range standing[1:] {
		c.Close()
	}
	eventually(t, "all buffers returned", func() bool { return r.frames.used.Load()+r.reads.used.Load() == 0 })
	checkBalance(t, r.metrics)
}

// A client that sends what its own buffer holds stands inside a frame nearly all of the
// time. As many as may connect must fit the budget, whatever they sent before.
func TestTCPClientsInsideAFrameHoldNoMoreThanTheirShare(t *testing.T) {
	t.Parallel()
	pub := &fakePublisher{}
	r := startTCP(t, pub)
	const clients, records = 32, 200
	r.frames.limit = clients * 2 * smallestBuffer
	conns := make([]net.Conn, clients)
	for i := range conns {
		conns[i] = dial(t, r.Addr())
	}
	eventually(t, "all connected", func() bool { return r.connections.Load() == clients })
	one := frame(strings.Repeat("x", 100))
	for _, c := range conns {
		write(t, c, append(bytes.Repeat(one, records), one[:50]...))
	}
	appended(t, pub, clients*records)
	eventually(t, "all wait for the rest", func() bool { return r.frames.used.Load() >= clients*smallestBuffer })
	for _, c := range conns {
		write(t, c, one[50:])
	}
	if got := len(appended(t, pub, clients*(records+1))); got != clients*(records+1) || r.refusedRecords() != 0 {
		t.Errorf("%d records stored and %d refused, want %d and none", got, r.refusedRecords(), clients*(records+1))
	}
}

func TestTCPGarbageDoesNotFloodTheLog(t *testing.T) {
	t.Parallel()
	var s sparing
	second := time.Unix(1_700_000_000, 0)
	count := func(at time.Time) (lines int) {
		for range 1000 {
			if s.allow(at) {
				lines++
			}
		}
		return lines
	}
	if n := count(second); n != linesASecond {
		t.Errorf("%d lines in a second, want %d", n, linesASecond)
	}
	if n := count(second.Add(time.Second)); n != linesASecond {
		t.Errorf("%d lines in the next second, want %d", n, linesASecond)
	}
}

// hurried starts an HTTP receiver with short times for slow clients: to send a
// request, and to take its answer.
func hurried(t *testing.T, reading time.Duration) *HTTP {
	t.Helper()
	cfg := HTTPConfig{BindAddress: "127.0.0.1:0", MaxBody: 1 << 20, AckTimeout: patience, IntakeConfig: testConfig()}
	log := logrus.New()
	log.SetOutput(io.Discard)
	h, err := NewHTTP(cfg, &fakePublisher{}, log, prometheus.NewRegistry(), nil)
	if err != nil {
		t.Fatal(err)
	}
	h.server.ReadHeaderTimeout, h.server.ReadTimeout, h.server.WriteTimeout = reading/2, reading, 300*time.Millisecond
	h.server.IdleTimeout = h.server.WriteTimeout
	run(t, h.Serve, h.Shutdown)
	return h
}

func TestHTTPSlowClientsAreCutOff(t *testing.T) {
	t.Parallel()
	h := hurried(t, 200*time.Millisecond)
	for what, begin := range map[string]string{
		"nothing":       "",
		"half a header": "POST / HTTP/1.1\r\nHost: ",
		"half a body":   "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nabc",
		"half a chunk":  "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\nabc",
	} {
		c := dial(t, h.Addr())
		write(t, c, []byte(begin))
		c.SetReadDeadline(time.Now().Add(patience))
		if _, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: the connection stays open", what)
		}
	}
	eventually(t, "all memory given back", func() bool { return h.budget.used.Load() == 0 && h.connections.Load() == 0 })
}

func TestHTTPClientThatNeverReadsItsAnswersIsCutOff(t *testing.T) {
	t.Parallel()
	h := hurried(t, patience) // it reads all that comes
	c := dial(t, h.Addr())
	// The answer repeats the name of the encoding, so that it fills the buffers on the
	// way, however large they are.
	request := []byte(strings.Repeat("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Encoding: "+strings.Repeat("x", 4<<10)+"\r\n\r\n", 100))
	eventually(t, "the connection is open", func() bool { return h.connections.Load() == 1 })
	ended := make(chan struct{})
	go func() { // until the buffers on the way are full
		defer close(ended)
		for {
			if _, err := c.Write(request); err != nil {
				return
			}
		}
	}()
	eventually(t, "the connection is closed", func() bool { return h.connections.Load() == 0 })
	c.Close() // its own write may wait on: a full window is not opened by a peer that is gone
	<-ended
}

func TestHTTPHeaderFloodIsRefused(t *testing.T) {
	t.Parallel()
	h := startHTTP(t, &fakePublisher{})
	for what, header := range map[string]string{
		"one long field":  "X: " + strings.Repeat("a", 64<<10) + "\r\n",
		"many fields":     strings.Repeat("X: a\r\n", 16<<10),
		"a long path":     "",
		"endless chunks":  "Transfer-Encoding: chunked\r\n",
		"two encodings":   "Transfer-Encoding: gzip, chunked\r\n",
		"negative length": "Content-Length: -1\r\n",
		"a huge length":   "Content-Length: 99999999999999999999\r\n",
		"two lengths":     "Content-Length: 1\r\nContent-Length: 2\r\n",
	} {
		path, body := "/", ""
		switch what {
		case "a long path":
			path += strings.Repeat("a", 64<<10)
		case "endless chunks":
			body = "1;" + strings.Repeat("x", 64<<10)
		}
		c := dial(t, h.Addr())
		go io.WriteString(c, "POST "+path+" HTTP/1.1\r\nHost: x\r\n"+header+"\r\n"+body)
		c.SetReadDeadline(time.Now().Add(patience))
		got, _ := io.ReadAll(c) // a reset may follow the answer
		if !bytes.HasPrefix(got, []byte("HTTP/1.1 4")) && !bytes.HasPrefix(got, []byte("HTTP/1.1 501")) {
			t.Errorf("%s: %.80q", what, got)
		}
	}
	eventually(t, "all memory given back", func() bool { return h.budget.used.Load() == 0 })
}

func TestHTTPMemoryIsNotGivenOnTheWordOfAHeader(t *testing.T) {
	t.Parallel()
	h := startHTTP(t, &fakePublisher{})
	const n = 50
	for range n {
		write(t, dial(t, h.Addr()), []byte("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n"))
	}
	eventually(t, "all are being read", func() bool { return h.open.Load() == n && h.budget.used.Load() > 0 })
	if held := h.budget.used.Load(); held > n*4<<10 {
		t.Errorf("%d bytes held for nothing that came", held)
	}
}

func TestHTTPBombsCostNoMoreThanTheirLimit(t *testing.T) {
	t.Parallel()
	h := startHTTP(t, &fakePublisher{})
	members := bytes.Repeat(gzipped(nil), 50_000) // no output, only work
	for what, c := range map[string]struct {
		body     []byte
		encoding string
	}{
		"gzip of empty members": {members, "gzip"},
		"zstd of empty frames":  {bytes.Repeat(zstandard(nil), 100_000), "zstd"},
		"zstd, skipped frames":  {bytes.Repeat([]byte{0x50, 0x2A, 0x4D, 0x18, 0, 0, 0, 0}, 100_000), "zstd"},
	} {
		if got := post(t, h, c.body, "Content-Encoding", c.encoding); got.status != 400 {
			t.Errorf("%s: %d %s, want 400: there is no message in it", what, got.status, got.text)
		}
	}
	eventually(t, "all memory given back", func() bool { return h.budget.used.Load() == 0 })
}

// zstdWindowOf is the begin of a zstd frame that asks for a window of n bytes, a
// power of two.
func zstdWindowOf(n uint64) []byte {
	exponent := byte(0)
	for 1<<(10+uint(exponent)) < n {
		exponent++
	}
	b := binary.LittleEndian.AppendUint32(nil, 0xFD2FB528)
	b = append(b, 0, exponent<<3)           // no content size, no single segment; window
	return append(b, 0x03, 0x00, 0x10, 'x') // one block of run-length: 2 MiB of x
}

func TestHTTPHoldsBackZstdWindowsBeyond8MiB(t *testing.T) {
	t.Parallel()
	h := startHTTP(t, &fakePublisher{})
	got := post(t, h, zstdWindowOf(64<<20), "Content-Encoding", "zstd")
	if got.status != 400 || got.body.Reason != "encoding" || !strings.Contains(got.text, "window") {
		t.Errorf("%d %s", got.status, got.text)
	}
}
