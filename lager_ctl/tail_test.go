package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"

	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

// Tests that set variables run one after the other.

// output is what a command in the background has written so far.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// ensure creates the stream of subject as a receiver does.
func ensure(t *testing.T, js jetstream.JetStream, subject string) string {
	t.Helper()
	name, err := stream.Ensure(streamtest.Context(t), js, streamConfig(subject), quiet())
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func streamConfig(subject string) stream.Config {
	return stream.Config{Subject: subject, StreamReplicas: 1, StreamMaxBytes: 64 << 20, DuplicateWindow: time.Minute, WhenFull: stream.WhenFullRefuse}
}

func quiet() *logrus.Logger {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return log
}

// record reads a recorded frame.
func record(t *testing.T, id string) []byte {
	t.Helper()
	b, err := os.ReadFile(vectors + "/records/" + id + ".bin")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTailShowsWhatIsStoredWithItsPosition(t *testing.T) {
	s := streamtest.Server(t)
	nc := streamtest.Connect(t, s)
	js := streamtest.JetStream(t, nc)
	ensure(t, js, "logs")
	t.Setenv("CTL_NATS_URL", s.ClientURL())
	t.Setenv("CTL_SUBJECT", "logs")

	frame := record(t, "m001")
	body := frame[len(frame)-81:]
	block := bytes.Join([][]byte{frame, []byte("noise"), frame, record(t, "m096")}, nil)
	cut := time.Unix(0, 1373989746000000007).Add(time.Hour)

	var out, errs output
	done := make(chan int)
	go func() {
		done <- run(t.Context(), console{nil, &out, &errs}, []string{"tail", "--format", "ecs", "--limit", "3", "--match", "Hostname != 'other'"})
	}()
	streamtest.Eventually(t, "tail follows", func() bool { return strings.Contains(errs.String(), "following") })
	for _, data := range [][]byte{block, body} {
		msg := &nats.Msg{Subject: "logs", Data: data, Header: nats.Header{}}
		msg.Header.Set(stream.HeaderCut, fmt.Sprint(cut.UnixMilli()))
		if _, err := js.PublishMsg(streamtest.Context(t), msg); err != nil {
			t.Fatal(err)
		}
	}
	if code := <-done; code != 0 {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines:\n%s", len(lines), out.String())
	}
	for i, want := range []string{`"lm.position":"1.0"}`, `"lm.position":"1.2"}`, `"heka.d":null,"lm.position":"1.3"}`} {
		if !strings.HasSuffix(lines[i], want) {
			t.Errorf("line %d: %s, want it to end with %s", i, lines[i], want)
		}
	}
	if !strings.Contains(errs.String(), "position 1.1: skipped 5 bytes: not a complete frame") {
		t.Errorf("stderr: %s", errs.String())
	}
}

func TestTailTellsWhatItHasNotSeen(t *testing.T) {
	t.Parallel()
	var errs bytes.Buffer
	k := tailer{console: console{err: &errs}, last: make(map[string]uint64)}
	k.tellMissed("s", 10) // the first: nothing is known of what came before
	k.tellMissed("s", 11)
	k.tellMissed("other", 3)
	k.tellMissed("s", 18)
	if got, want := errs.String(), "stream \"s\": not seen: blocks after 11 up to 17 (too many, or disconnected); they are stored\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHelpListsTheVariablesAndCheckReadsThem(t *testing.T) {
	if out, _, code := lagerCtl(nil, "--help"); code != 0 || !strings.Contains(out, "CTL_NATS_URL") || !strings.Contains(out, "doctor") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	t.Setenv("CTL_STREAM_REPLICAS", "9")
	if _, errs, code := lagerCtl(nil, "--check"); code != 78 || !strings.Contains(errs, "CTL_STREAM_REPLICAS") {
		t.Errorf("exit code %d\n%s", code, errs)
	}
}
