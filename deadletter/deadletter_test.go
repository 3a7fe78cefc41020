package deadletter

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"

	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

func open(t *testing.T, opts ...streamtest.Option) (context.Context, jetstream.JetStream, jetstream.Stream) {
	t.Helper()
	_, js := streamtest.New(t, opts...)
	ctx := streamtest.Context(t)
	cfg := stream.Config{Subject: "main", StreamReplicas: 1, StreamMaxBytes: 64 << 20, DuplicateWindow: time.Minute}
	main, err := stream.Ensure(ctx, js, cfg, quiet())
	if err != nil {
		t.Fatal(err)
	}
	name, err := stream.EnsureDead(ctx, js, main, cfg, quiet())
	if err != nil {
		t.Fatal(err)
	}
	dead, err := js.Stream(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	return ctx, js, dead
}

func quiet() logrus.FieldLogger {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return log
}

func letter(seq uint64, index int) Letter {
	return Letter{
		Stream: "main", Group: "group", Epoch: 99, Sequence: seq, Index: index,
		Sink: "bulk", Status: 400, ErrorType: "mapper_parsing_exception", Reason: "not a date\r\nX-Evil: 1",
		ID: "0123", Origin: "run-1", Cut: "1700000000123", Attempts: 1,
		First: time.Unix(1, 5), Last: time.Unix(2, 0),
		Frame: []byte("the frame"),
	}
}

func TestALetterIsStoredUnderItsAddress(t *testing.T) {
	t.Parallel()
	ctx, js, dead := open(t)
	s := NewStore(js, quiet(), func(bool) {})
	var stored atomic.Int32
	s.Put(ctx, letter(7, 3), func() { stored.Add(1) })
	s.Wait()
	if stored.Load() != 1 {
		t.Fatal("not reported as stored")
	}
	msg, err := dead.GetLastMsgForSubject(ctx, "lm.dead.main.group.99.7.3")
	if err != nil {
		t.Fatal(err)
	}
	if string(msg.Data) != "the frame" {
		t.Errorf("body %q", msg.Data)
	}
	for key, want := range map[string]string{
		"Lm-Group": "group", "Lm-Sink": "bulk", "Lm-Status": "400", "Lm-Error-Type": "mapper_parsing_exception",
		"Lm-Reason": "not a date X-Evil: 1", "Lm-Id": "0123", "Lm-First": "1970-01-01T00:00:01.000000005Z",
		"Lm-Last": "1970-01-01T00:00:02Z", "Lm-Attempts": "1", "Lm-Origin": "run-1", "Lm-Index": "3",
		"Lm-Cut": "1700000000123", "Lm-Epoch": "99", "X-Evil": "",
	} {
		if got := msg.Header.Get(key); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
}

func TestStoringALetterTwiceCountsAsStored(t *testing.T) {
	t.Parallel()
	ctx, js, dead := open(t)
	s := NewStore(js, quiet(), func(full bool) { t.Errorf("told that full is %v", full) })
	var stored atomic.Int32
	for range 2 {
		s.Put(ctx, letter(7, 3), func() { stored.Add(1) })
		s.Wait()
	}
	if info, err := dead.Info(ctx); err != nil || info.State.Msgs != 1 || stored.Load() != 2 {
		t.Errorf("%d letters stored, %d reported: %v", info.State.Msgs, stored.Load(), err)
	}
}

func TestManyLettersAreOnTheirWayAtATime(t *testing.T) {
	t.Parallel()
	ctx, js, dead := open(t)
	s := NewStore(js, quiet(), func(bool) {})
	for i := range 5 * window {
		s.Put(ctx, letter(1, i), func() {})
	}
	s.Wait()
	if info, err := dead.Info(ctx); err != nil || info.State.Msgs != 5*window {
		t.Errorf("%d letters stored, want %d: %v", info.State.Msgs, 5*window, err)
	}
}

func TestAFullStreamIsNotTakenForStored(t *testing.T) {
	t.Parallel()
	ctx, js, dead := open(t)
	resize := func(bytes int64) {
		cfg := dead.CachedInfo().Config
		cfg.MaxBytes = bytes
		if _, err := js.UpdateStream(ctx, cfg); err != nil {
			t.Fatal(err)
		}
	}
	resize(1)
	told := make(chan bool, 2)
	s := NewStore(js, quiet(), func(full bool) { told <- full })
	var stored atomic.Int32
	s.Put(ctx, letter(1, 0), func() { stored.Add(1) })
	if full := <-told; !full || !s.Full() || stored.Load() != 0 {
		t.Errorf("told %v, full %v, %d stored", full, s.Full(), stored.Load())
	}
	resize(1 << 20)
	s.Wait()
	if full := <-told; full || s.Full() || stored.Load() != 1 {
		t.Errorf("told %v, full %v, %d stored", full, s.Full(), stored.Load())
	}
}

// A message from elsewhere may be as large as the server takes, so that its
// headers do not fit any more: better cut than never settled.
func TestALetterLargerThanAMessageIsCutAndSaysSo(t *testing.T) {
	t.Parallel()
	const most = 64 << 10
	ctx, js, dead := open(t, streamtest.MaxPayload(most))
	s := NewStore(js, quiet(), func(bool) {})
	l := letter(1, 0)
	l.Frame = []byte(strings.Repeat("x", most))
	s.Put(ctx, l, func() {})
	s.Wait()
	msg, err := dead.GetMsg(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("cut from %d bytes", most); len(msg.Data) < most/2 || !strings.Contains(msg.Header.Get("Lm-Reason"), want) {
		t.Errorf("%d bytes with the reason %q, want %q in it", len(msg.Data), msg.Header.Get("Lm-Reason"), want)
	}
}

func TestALetterThatCannotBeStoredEndsWithItsContext(t *testing.T) {
	t.Parallel()
	nc, js := streamtest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	s := NewStore(js, quiet(), func(bool) {})
	nc.Close()
	s.Put(ctx, letter(1, 0), func() { t.Error("reported as stored") })
	cancel()
	s.Wait()
}
