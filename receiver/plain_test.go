package receiver

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// posted is a plain request.
func posted(body []byte, header ...string) []byte {
	return fmt.Appendf(nil, "POST / HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n%s", strings.Join(header, ""), len(body), body)
}

// answers reads n answers and returns their status codes.
func answers(t testing.TB, c net.Conn, n int) (codes []int) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(patience))
	r := bufio.NewReader(c)
	for range n {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatalf("answer %d of %d: %v", len(codes)+1, n, err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Fatal(err)
		}
		if _, err := http.ParseTime(resp.Header.Get("Date")); err != nil {
			t.Error(err)
		}
		codes = append(codes, resp.StatusCode)
	}
	return codes
}

func TestHTTPPlainAndOddRequestsShareAConnection(t *testing.T) {
	t.Parallel()
	pub := &fakePublisher{}
	h := startHTTP(t, pub)
	c := dial(t, h.Addr())
	chunked := fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(frame("3")), frame("3"))
	all := bytes.Join([][]byte{
		posted(frame("1")), posted(message("2")), posted([]byte("?")), // plain
		[]byte(chunked), posted(frame("4")), []byte("GET /health HTTP/1.1\r\nHost: x\r\n\r\n"), posted(frame("5")),
	}, nil)
	go c.Write(all)
	if got, want := fmt.Sprint(answers(t, c, 7)), "[200 200 400 200 200 200 200]"; got != want {
		t.Errorf("answers %s, want %s", got, want)
	}
	sameFrames(t, "stored", pub.got(), [][]byte{frame("1"), frame("2"), frame("3"), frame("4"), frame("5")})
	checkBalance(t, h.metrics)
}

func TestHTTPRequestsMayComeInPieces(t *testing.T) {
	t.Parallel()
	pub := &fakePublisher{}
	h := startHTTP(t, pub)
	c := dial(t, h.Addr())
	const n = 20
	all := bytes.Repeat(posted(frame("x"), "Connection: Keep-Alive\r\n", "User-Agent: me\r\n"), n)
	go func() {
		for i := 1; len(all) > 0; i = i%97 + 1 {
			part := all[:min(i, len(all))]
			if _, err := c.Write(part); err != nil {
				return // the answers say so
			}
			all = all[len(part):]
		}
	}()
	for _, code := range answers(t, c, n) {
		if code != 200 {
			t.Errorf("answer %d", code)
		}
	}
	if got := len(pub.got()); got != n {
		t.Errorf("%d records stored, want %d", got, n)
	}
}

func TestHTTPAnswerComesHoweverLongTheStreamTook(t *testing.T) {
	t.Parallel()
	h := hurried(t, 200*time.Millisecond)
	pub := h.pub.(*fakePublisher)
	pub.setHold()
	c := dial(t, h.Addr())
	write(t, c, posted(frame("x")))
	appended(t, pub, 1)
	began := time.Now()
	eventually(t, "the time for a header has passed", func() bool { return time.Since(began) > 2*h.server.ReadHeaderTimeout })
	pub.release(nil)
	if got := answers(t, c, 1)[0]; got != 200 {
		t.Errorf("answer %d", got)
	}
}

func TestHTTPPosterThatNeverReadsItsAnswersIsCutOff(t *testing.T) {
	t.Parallel()
	// TCP may drop what it should acknowledge to a peer with a full buffer. Then it is
	// the rest of a request that does not come, and net/http that ends it.
	h := hurried(t, 2*time.Second)
	c := dial(t, h.Addr())
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(1 << 10)
	}
	request := bytes.Repeat(posted([]byte("?")), 1000)
	eventually(t, "the connection is open", func() bool { return h.connections.Load() == 1 })
	ended := make(chan struct{})
	go func() { // until the buffers on the way, of megabytes, are full
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

func TestHTTPShutdownEndsIdleConnections(t *testing.T) {
	t.Parallel()
	h := startHTTP(t, &fakePublisher{})
	c := dial(t, h.Addr())
	write(t, c, posted(frame("x")))
	answers(t, c, 1)
	if err := h.Shutdown(patience); err != nil {
		t.Error(err)
	}
	closedByServer(t, c)
}

// What is plain is what net/http reads the same way.
func FuzzPlainRequest(f *testing.F) {
	for _, seed := range []string{
		string(posted([]byte("abc"))),
		"POST /a/b?c=d HTTP/1.1\r\nHost: [::1]:35001\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\nContent-Length: 0\r\n\r\n",
		"POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
		"POST / HTTP/1.0\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nHost: y\r\nContent-Length: 0\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Encoding: gzip\r\n\r\nabc",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
		"POST / HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\nContent-Length: 3\r\n\r\nabc",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 3\r\n\r\nabc",
		"POST / HTTP/1.1\nHost: x\nContent-Length: 3\n\nabc",
		"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		head, size, plain := plainRequest(b)
		if !plain || size == 0 || size > len(b) {
			return
		}
		rest := bytes.NewReader(b)
		buffered := bufio.NewReader(rest)
		r, err := http.ReadRequest(buffered)
		if err != nil {
			t.Fatalf("%q is plain, net/http says %v", b, err)
		}
		encoding, known := contentEncoding(r)
		if r.Method != http.MethodPost || r.URL.Path == "/health" || r.Close || len(r.TransferEncoding) > 0 || r.Header.Get("Expect") != "" ||
			r.ContentLength != int64(size-head) || encoding != "" || !known || r.Host == "" {
			t.Errorf("%q is plain, net/http reads %+v", b, r)
		}
		if read := len(b) - rest.Len() - buffered.Buffered(); read != head {
			t.Errorf("%q: header of %d bytes, net/http reads %d", b, head, read)
		}
	})
}
