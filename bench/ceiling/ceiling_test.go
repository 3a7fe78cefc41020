package main

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"lagermeister/heka"
	"lagermeister/stream/streamtest"
)

func TestWhatIsPublishedIsCountedAndThenGone(t *testing.T) {
	t.Parallel()
	url := streamtest.Server(t).ClientURL()
	for _, c := range []struct {
		name    string
		run     func(context.Context, []string) (*result, error)
		args    string
		atLeast int64
	}{
		{"packed", pub, "-mode packed -n 1000", 1000},
		{"packed, two connections", pub, "-mode packed -n 1000 -connections 2 -size 3000", 1000},
		{"lean", pub, "-mode lean -n 300 -window 7", 300},
		{"con", con, "-n 1000", 1000},
		{"con, two connections", con, "-n 1000 -connections 2 -batch 4096", 1000},
	} {
		r, err := c.run(streamtest.Context(t), append(strings.Fields(c.args), "-url", url))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if r.Records < c.atLeast || r.Records > c.atLeast+128 || r.Bytes != r.Records*int64(r.Size) || r.Seconds <= 0 {
			t.Errorf("%s: %+v", c.name, r)
		}
	}
}

func TestWindowWaitsForTheOldestWhenAnswersComeOutOfOrder(t *testing.T) {
	t.Parallel()
	w := &window{inbox: "i.", acked: make([]bool, 4), wake: make(chan struct{}, 1), refused: make(chan error, 1), next: 4}
	ack := func(number, data string) { w.ack(&nats.Msg{Subject: "i." + number, Data: []byte(data)}) }
	for _, step := range []struct {
		number string
		low    uint64
	}{{"1", 0}, {"3", 0}, {"0", 2}, {"5", 2}, {"2", 4}, {"4", 6}, {"6", 7}} {
		ack(step.number, `{"stream":"s","seq":1}`)
		if low := w.low.Load(); low != step.low {
			t.Fatalf("after answer %s all before %d are acknowledged, expected %d", step.number, low, step.low)
		}
	}
	ack("7", `{"error":{"code":503}}`)
	if err := w.wait(t.Context(), 8); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("a refused message: %v", err)
	}
}

func TestServersCountWhatCame(t *testing.T) {
	t.Parallel()
	frames := bytes.Repeat(heka.AppendFrame(nil, []byte("no valid message")), 1000)
	for name, c := range map[string]struct {
		serve   func(context.Context, net.Listener) (*result, error)
		send    func(t *testing.T, address string)
		records int64
	}{
		"read": {func(ctx context.Context, l net.Listener) (*result, error) { return scan(ctx, l, false) }, sendFrames(frames), 1000},
		"read -check": {func(ctx context.Context, l net.Listener) (*result, error) { return scan(ctx, l, true) },
			sendFrames(frames), 0},
		"http": {answer, func(t *testing.T, address string) {
			r, err := http.Post("http://"+address, "", bytes.NewReader(frames))
			if err != nil {
				t.Fatal(err)
			}
			r.Body.Close()
			if r.StatusCode != http.StatusOK {
				t.Error(r.Status)
			}
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			l, err := listen(ctx, "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			type outcome struct {
				r   *result
				err error
			}
			ended := make(chan outcome, 1)
			go func() {
				r, err := c.serve(ctx, l)
				ended <- outcome{r, err}
			}()
			c.send(t, l.Addr().String())
			stop()
			got := <-ended
			if got.err != nil {
				t.Fatal(got.err)
			}
			if r := got.r; r.Records != c.records || r.Bytes != int64(len(frames)) || r.Connections != 1 {
				t.Errorf("%+v", r)
			}
		})
	}
}

// sendFrames sends and returns when the server has read to the end.
func sendFrames(frames []byte) func(*testing.T, string) {
	return func(t *testing.T, address string) {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Write(frames); err != nil {
			t.Fatal(err)
		}
		if err := c.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Read(make([]byte, 1)); n != 0 {
			t.Fatal("an answer", err)
		}
	}
}

func TestRawWritesAsManyAtATimeAsAsked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, write := range []string{"0", "4096"} {
		r, err := raw(t.Context(), []string{"-n", "100", "-fsync", "-write", write, "-dir", dir})
		if err != nil {
			t.Fatal(err)
		}
		if r.Records < 100 || r.Records > 114 || !r.Fsync {
			t.Errorf("-write %s: %+v", write, r)
		}
	}
}
