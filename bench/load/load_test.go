package load

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"lagermeister/bench/count"
	"lagermeister/bench/record"
)

// listen counts what arrives on a TCP port until all connections are closed.
func listen(t *testing.T, tally *count.Tally, connections int) (address string, wait func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var wg sync.WaitGroup
	wg.Go(func() {
		for range connections {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				text, _ := io.ReadAll(conn)
				tally.Add(record.Scan(text, nil), time.Now())
			})
		}
	})
	return l.Addr().String(), wg.Wait
}

func line(t *testing.T) *record.Template {
	t.Helper()
	template, err := record.Line(1, 300)
	if err != nil {
		t.Fatal(err)
	}
	return template
}

func TestExactlyTheRecordsAskedForAreSentOnce(t *testing.T) {
	t.Parallel()
	tally := count.NewTally(1, false)
	address, wait := listen(t, tally, 7)
	sent, err := TCP(t.Context(), Load{Address: address, Template: line(t), Connections: 7, Count: 10_001})
	if err != nil {
		t.Fatal(err)
	}
	wait()
	if c := tally.Count(); sent.Records != 10_001 || c.Unique != 10_001 || c.Doubled+c.Damaged+c.Foreign != 0 {
		t.Errorf("%d sent, %+v", sent.Records, c)
	}
}

func TestRateIsNotExceeded(t *testing.T) {
	t.Parallel()
	tally := count.NewTally(1, false)
	address, wait := listen(t, tally, 3)
	sent, err := TCP(t.Context(), Load{Address: address, Template: line(t), Connections: 3, Count: 300, Rate: 1000})
	if err != nil {
		t.Fatal(err)
	}
	wait()
	if took := sent.Ended.Sub(sent.Began); sent.Records != 300 || took < 290*time.Millisecond {
		t.Errorf("%d records in %v", sent.Records, took)
	}
}

func TestSendingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") // nobody reads
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := TCP(ctx, Load{Address: l.Addr().String(), Template: line(t), Connections: 2}); err == nil {
		t.Error("what could not be sent is no error")
	}
}

func TestOnlyAnswers200CountAsSent(t *testing.T) {
	t.Parallel()
	tally := count.NewTally(1, false)
	var requests sync.Mutex
	n := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Lock()
		n++
		refuse := n%4 == 0
		requests.Unlock()
		body, _ := io.ReadAll(r.Body)
		if refuse {
			http.Error(w, "no", http.StatusServiceUnavailable)
			return
		}
		tally.Add(record.Scan(body, nil), time.Now())
	}))
	defer server.Close()
	address := server.Listener.Addr().String()
	sent, err := HTTP(t.Context(), Load{Address: address, Template: record.Post(line(t), address, "text/plain"), Connections: 4, Count: 400})
	if err != nil {
		t.Fatal(err)
	}
	if c := tally.Count(); sent.Records != 300 || sent.Refused != 100 || c.Unique != 300 || len(sent.Answers) != 400 {
		t.Errorf("%d sent, %d refused, %d answers, %+v", sent.Records, sent.Refused, len(sent.Answers), c)
	}
}

func TestAnswersAreReadOneByOne(t *testing.T) {
	t.Parallel()
	in := bufio.NewReader(strings.NewReader("HTTP/1.1 200 OK\r\ncontent-length: 3\r\nX: y\r\n\r\nabcHTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"))
	for _, want := range []int{200, 503} {
		if got, err := readAnswer(in); got != want || err != nil {
			t.Errorf("got %d, %v; want %d", got, err, want)
		}
	}
	if _, err := readAnswer(in); err != io.EOF {
		t.Errorf("got %v at the end", err)
	}
}
