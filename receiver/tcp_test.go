package receiver

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"lagermeister/heka"
)

func write(t testing.TB, c net.Conn, b []byte) {
	t.Helper()
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
}

// appended waits until the publisher has n frames.
func appended(t testing.TB, pub *fakePublisher, n int) [][]byte {
	t.Helper()
	eventually(t, fmt.Sprintf("%d frames appended", n), func() bool { return len(pub.got()) >= n })
	return pub.got()
}

// closedByServer waits until the receiver has closed c.
func closedByServer(t testing.TB, c net.Conn) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(patience))
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("connection is not closed: read says %v", err)
	}
}

func TestTCPFiveRecordsInOneWriteThenClose(t *testing.T) {
	t.Parallel()
	pub := &fakePublisher{}
	r := startTCP(t, pub)
	var all []byte
	var want [][]byte
	for i := range 5 {
		want = append(want, frame(fmt.Sprint(i)))
		all = append(all, want[i]...)
	}
	c := dial(t, r.Addr())
	write(t, c, all)
	c.Close()
	sameFrames(t, "five records", appended(t, pub, 5), want)
	checkBalance(t, r.metrics)
}

func TestTCPTakesEveryBodyLength(t *testing.T) {
	t.Parallel()
	pub := &fakePublisher{}
	r := startTCP(t, pub)
	c := dial(t, r.Addr())
	for n := range 6 {
		write(t, c, heka.AppendFrame(nil, sized(6)[:n]))
	}
	var want [][]byte
	for n := 6; n <= 11_000; n++ {
		want = append(want, heka.AppendFrame(nil, sized(n)))
		write(t, c, want[len(want)-1])
	}
	sameFrames(t, "bodies of 6 to 11,000 bytes", appended(t, pub, len(want)), want)
	if n := r.refusedRecords(); n != 6 {
		t.Errorf("%d records refused, want the 6 of 0 to 5 bytes", n)
	}
	checkBalance(t, r.metrics)
}

func TestTCPVectorStreamsInPieces(t *testing.T) {
	t.Parallel()
	for _, s := range streams(t) {
		t.Run(s.ID, func(t *testing.T) {
			t.Parallel()
			content, want := s.read(t)
			for _, n := range []int{1, 7, 1460, 65536} {
				pub := &fakePublisher{}
				r := startTCP(t, pub, func(c *IntakeConfig) { c.MaxMessageSize = s.MaxMessage })
				c := dial(t, r.Addr())
				for rest := content; len(rest) > 0; {
					n := min(n, len(rest))
					write(t, c, rest[:n])
					rest = rest[n:]
				}
				c.Close()
				eventually(t, "connection ended", func() bool { return r.connections.Load() == 0 && len(pub.got()) >= len(want) })
				sameFrames(t, fmt.Sprintf("pieces of %d", n), pub.got(), want)
				checkBalance(t, r.metrics)
			}
		})
	}
}

func TestTCPGarbageAndBadRecordsLeaveTheConnectionOpen(t *testing.T) {
	t.Parallel()
	pub := &fakePublisher{}
	r := startTCP(t, pub)
	c := dial(t, r.Addr())
	var want [][]byte
	for i, bad := range [][]byte{
		[]byte("GET / HTTP/1.1\r\n\r\n"),
		{0x1e, 0x00, 0x00},
		heka.AppendFrame(nil, []byte{0xff}),
		heka.AppendFrame(nil, message(strings.Repeat("x", 70_000))),
		bytes.Repeat([]byte{0x1e}, 100_000),
		[]byte("\n"),
	} {
		write(t, c, bad)
		good := bytes.Repeat(frame(fmt.Sprint("good ", i)), 2)
		// What the last separators promise swallows up to 258 bytes; a frame and more of garbage pays for it.
		write(t, c, make([]byte, heka.MaxHeader+heka.FramingSize))
		write(t, c, good)
		want = append(want, frame(fmt.Sprint("good ", i)), frame(fmt.Sprint("good ", i)))
	}
	sameFrames(t, "good records", appended(t, pub, len(want)), want)
	if r.refused[oversized].Load() != 1 || r.refused[undecodable].Load() != 1 {
		t.Errorf("refused: %d oversized, %d undecodable, want one each", r.refused[oversized].Load(), r.refused[undecodable].Load())
	}
	checkBalance(t, r.metrics)
}

func TestTCPConnectionClosedInsideAFrameIsCounted(t *testing.T) {
	t.Parallel()
	pub := &fakePublisher{}
	r := startTCP(t, pub)
	c := dial(t, r.Addr())
	write(t, c, append(frame("whole"), frame("cut off")[:20]...))
	c.Close()
	eventually(t, "counted as truncated", func() bool { return r.refused[truncated].Load() == 1 })
	sameFrames(t, "before it", pub.got(), [][]byte{frame("whole")})
	checkBalance(t, r.metrics)
}

func TestTCPFullWindowStopsReading(t *testing.T) {
	t.Parallel()
	pub := &fakePublisher{full: make(chan struct{})}
	r := startTCP(t, pub)
	c := dial(t, r.Addr())
	one := frame(strings.Repeat("x", 60_000))
	var sent int
	for { // until the sockets between us are full
		c.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
		n, err := c.Write(one)
		sent += n
		if err != nil {
			break
		}
		if sent > 200<<20 {
			t.Fatal("200 MB were taken with a full window")
		}
	}
	if in := r.inFlight.Load(); in > 3 {
		t.Errorf("%d records were read with a full window, want those of one buffer", in)
	}
	close(pub.full)
	c.SetWriteDeadline(time.Time{})
	write(t, c, one[sent%len(one):]) // the rest of the one that was stopped
	appended(t, pub, sent/len(one)+1)
	checkBalance(t, r.metrics)
}

func TestTCPUnavailablePublisherStopsReading(t *testing.T) {
	t.Parallel()
	pub := &fakePublisher{unavailable: errors.New("stream is full")}
	r := startTCP(t, pub)
	c := dial(t, r.Addr())
	write(t, c, frame("later"))
	eventually(t, "connection open", func() bool { return r.connections.Load() == 1 })
	if n := r.received.Load(); n != 0 {
		t.Errorf("%d records read", n)
	}
	pub.setUnavailable(nil)
	sameFrames(t, "afterwards", appended(t, pub, 1), [][]byte{frame("later")})
}

func TestTCPSilenceInsideAFrameEndsTheConnection(t *testing.T) {
	t.Parallel()
	pub := &fakePublisher{}
	r := startTCP(t, pub)
	r.stalled = 50 * time.Millisecond
	idle, garbage, stalled := dial(t, r.Addr()), dial(t, r.Addr()), dial(t, r.Addr())
	write(t, garbage, []byte("\n"))
	write(t, stalled, frame("x")[:30])
	closedByServer(t, stalled)
	eventually(t, "counted as truncated", func() bool { return r.refused[truncated].Load() == 1 })
	for _, c := range []net.Conn{idle, garbage} {
		write(t, c, frame("still here"))
	}
	appended(t, pub, 2)
	eventually(t, "all buffers returned", func() bool { return r.frames.used.Load()+r.reads.used.Load() == 0 })
	checkBalance(t, r.metrics)
}

func TestTCPIdleConnectionsHoldNoBuffer(t *testing.T) {
	t.Parallel()
	pub := &fakePublisher{}
	r := startTCP(t, pub)
	for range 20 {
		write(t, dial(t, r.Addr()), frame("x"))
	}
	appended(t, pub, 20)
	eventually(t, "no read buffer held", func() bool { return r.reads.used.Load() == 0 && r.connections.Load() == 20 })
}

func TestTCPIncompleteFramesBeyondTheBudgetEndTheConnection(t *testing.T) {
	t.Parallel()
	pub := &fakePublisher{}
	r := startTCP(t, pub)
	r.frames.limit = 4 * smallestBuffer
	for range 4 {
		write(t, dial(t, r.Addr()), frame("x")[:30])
	}
	eventually(t, "budget used up", func() bool { return r.frames.used.Load() == 4*smallestBuffer })
	c := dial(t, r.Addr())
	c.Write(frame("x")[:30])
	closedByServer(t, c)
	checkBalance(t, r.metrics)
}

func TestTCPConnectionsWaitForReadBuffers(t *testing.T) {
	t.Parallel()
	pub := &fakePublisher{full: make(chan struct{})}
	r := startTCP(t, pub)
	r.reads.limit = 2 * smallestBuffer
	for range 5 {
		write(t, dial(t, r.Addr()), frame("x"))
	}
	eventually(t, "two records read, the publisher waits", func() bool { return r.received.Load() == 2 && r.connections.Load() == 5 })
	if used := r.reads.used.Load(); used > 2*smallestBuffer {
		t.Errorf("%d bytes of buffers held, limit %d", used, 2*smallestBuffer)
	}
	close(pub.full)
	appended(t, pub, 5)
	checkBalance(t, r.metrics)
}

func TestTCPConnectionLimit(t *testing.T) {
	t.Parallel()
	pub := &fakePublisher{}
	r := startTCP(t, pub, func(c *IntakeConfig) { c.MaxConnections = 2 })
	first, second := dial(t, r.Addr()), dial(t, r.Addr())
	write(t, first, frame("1"))
	write(t, second, frame("2"))
	appended(t, pub, 2)
	closedByServer(t, dial(t, r.Addr()))
	first.Close()
	eventually(t, "a place is free", func() bool { return r.connections.Load() == 1 })
	write(t, dial(t, r.Addr()), frame("3"))
	appended(t, pub, 3)
}

func TestTCPShutdownReadsWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	pub := &fakePublisher{full: make(chan struct{})}
	r := startTCP(t, pub)
	c := dial(t, r.Addr())
	idle := dial(t, r.Addr())
	want := [][]byte{frame("0")}
	write(t, c, want[0])
	eventually(t, "the publisher waits", func() bool { return r.received.Load() == 1 && r.connections.Load() == 2 })

	send := func(frames ...[]byte) {
		for _, f := range frames {
			write(t, c, f)
			want = append(want, f)
		}
	}
	send(frame("1"), frame("2"))
	done := make(chan error, 1)
	go func() { done <- r.Shutdown(patience) }()
	eventually(t, "draining", func() bool { return len(r.NotReady()) == 1 })
	send(frame("3"), frame("4"))
	close(pub.full)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	sameFrames(t, "sent before and while it drains", pub.got(), want)
	closedByServer(t, c)
	closedByServer(t, idle)
	if c, err := r.listener.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a connection is accepted after shutdown: %v, %v", c, err)
	}
	checkBalance(t, r.metrics)
}

func TestTCPShutdownGivesUpWhatThePublisherNeverTakes(t *testing.T) {
	t.Parallel()
	pub := &fakePublisher{full: make(chan struct{})}
	r := startTCP(t, pub)
	write(t, dial(t, r.Addr()), append(frame("a"), frame("b")...))
	eventually(t, "both records read", func() bool { return r.received.Load() == 2 })
	var incomplete *IncompleteError
	if err := r.Shutdown(100 * time.Millisecond); !errors.As(err, &incomplete) || incomplete.Records != 2 {
		t.Errorf("shutdown says %v, want 2 records left", err)
	}
	checkBalance(t, r.metrics)
}

func TestTCPWithTLS(t *testing.T) {
	t.Parallel()
	pub := &fakePublisher{}
	server := newIdentity(t, "server")
	r := startTCP(t, pub, server.serves(nil))
	c := tls.Client(dial(t, r.Addr()), server.trusting())
	if _, err := c.Write(append(frame("1"), frame("2")...)); err != nil {
		t.Fatal(err)
	}
	appended(t, pub, 2)

	plain := dial(t, r.Addr())
	plain.Write(frame("not encrypted"))
	io.Copy(io.Discard, plain) // an alert, then the end
	sameFrames(t, "encrypted", pub.got(), [][]byte{frame("1"), frame("2")})
}

func TestTCPWithClientCertificates(t *testing.T) {
	t.Parallel()
	pub := &fakePublisher{}
	server, client, stranger := newIdentity(t, "server"), newIdentity(t, "client"), newIdentity(t, "stranger")
	r := startTCP(t, pub, server.serves(&client))
	for name, own := range map[string][]tls.Certificate{"none": nil, "unknown": {stranger.pair}} {
		c := tls.Client(dial(t, r.Addr()), server.trusting(own...))
		c.Write(frame("?"))
		if _, err := io.Copy(io.Discard, c); err == nil {
			t.Errorf("certificate: %s: connection ends without an error", name)
		}
	}
	c := tls.Client(dial(t, r.Addr()), server.trusting(client.pair))
	if _, err := c.Write(frame("known")); err != nil {
		t.Fatal(err)
	}
	sameFrames(t, "of the known client", appended(t, pub, 1), [][]byte{frame("known")})
}

// BenchmarkTCP measures records of 300 bytes over loopback, without a stream
// behind: reading, framing, validation.
func BenchmarkTCP(b *testing.B) {
	for _, connections := range []int{1, 16} {
		b.Run(fmt.Sprint(connections, "connections"), func(b *testing.B) {
			r := startTCP(b, nopPublisher{})
			one := heka.AppendFrame(nil, sized(300-6))
			batch := bytes.Repeat(one, 1000)
			conns := make([]net.Conn, connections)
			for i := range conns {
				conns[i] = dial(b, r.Addr())
			}
			b.SetBytes(int64(len(one)))
			b.ReportAllocs()
			b.ResetTimer()
			for i, c := range conns {
				n := (b.N + i) / connections
				go func() {
					for ; n > 0; n -= 1000 {
						if _, err := c.Write(batch[:min(n, 1000)*len(one)]); err != nil {
							b.Error(err)
							return
						}
					}
				}()
			}
			eventually(b, "all stored", func() bool { return r.stored.Load() >= uint64(b.N) })
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
