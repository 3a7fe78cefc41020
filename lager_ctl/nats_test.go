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

	"lagermeister/heka"
	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

// These tests set variables, so they run one after the other.

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

// frame frames a recorded message.
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
		done <- run(streamtest.Context(t), console{nil, &out, &errs}, []string{"tail", "--format", "ecs", "--limit", "3", "--match", "Hostname != 'other'"})
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
	for _, p := range []place{
		{stream: "s", subject: "a", sequence: 10, previous: 7}, // the first: nothing is known of 7
		{stream: "s", subject: "a", sequence: 11, previous: 10},
		{stream: "s", subject: "b", sequence: 12, previous: 3},
		{stream: "s", subject: "a", sequence: 13, previous: 11},
		{stream: "s", subject: "a", sequence: 20, previous: 17},
	} {
		k.tellMissed(p)
	}
	if got, want := errs.String(), "stream s: not seen: blocks after 13 up to 17 (too slow, or disconnected); they are stored\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPiecesGiveEachByteToOneRecord(t *testing.T) {
	t.Parallel()
	frame := heka.AppendFrame(nil, []byte("\x0a\x01x"))
	for _, c := range []struct {
		stored []byte
		want   string // length of each, ! for what has no body
	}{
		{nil, "0!"},
		{[]byte("\x0a\x01x"), "3"},
		{frame, "8"},
		{bytes.Join([][]byte{frame, frame}, nil), "8 8"},
		{bytes.Join([][]byte{frame, []byte("xyz"), frame, []byte("\x1e")}, nil), "8 3! 8 1!"},
		{[]byte("\x1ezzz"), "4!"},
	} {
		var got []string
		total := 0
		for p := range pieces(c.stored) {
			text := fmt.Sprint(len(p.raw))
			if p.body == nil {
				text += "!"
			}
			got = append(got, text)
			total += len(p.raw)
		}
		if strings.Join(got, " ") != c.want || total != len(c.stored) {
			t.Errorf("%q: pieces %v, want %s", c.stored, got, c.want)
		}
	}
}

func TestDoctorIsContentWithAHealthyStream(t *testing.T) {
	s := streamtest.Server(t, streamtest.SyncAlways)
	js := streamtest.JetStream(t, streamtest.Connect(t, s))
	name := ensure(t, js, "logs")
	ctx := streamtest.Context(t)
	if _, _, _, err := stream.EnsureConsumer(ctx, js, name, "group", stream.StartOptions{}, quiet()); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.EnsureDead(ctx, js, name, streamConfig("logs"), quiet()); err != nil {
		t.Fatal(err)
	}
	if err := stream.EnsureLedger(ctx, js, streamConfig("logs"), quiet()); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CTL_NATS_URL", s.ClientURL())
	t.Setenv("CTL_SUBJECT", "logs")
	t.Setenv("CTL_BROKER_FSYNC", "true")
	t.Setenv("CTL_REQUIRE_DURABILITY", "fsynced")
	out, errs, code := lagerCtl(nil, "doctor")
	if code != 0 || !strings.Contains(out, " 0 WARN, 0 FAIL") || errs != "" {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
	for _, want := range []string{"keeps what it acknowledged", "may be trimmed", "group group of stream logs", "logs_DEAD holds 0 dead letters", "LM_LEDGER holds 0 messages"} {
		if !strings.Contains(out, want) {
			t.Errorf("nothing about %q in\n%s", want, out)
		}
	}
}

func TestDoctorFindsWhatIsWrongAndNamesItsFix(t *testing.T) {
	s := streamtest.Server(t, streamtest.MaxPayload(256<<10))
	js := streamtest.JetStream(t, streamtest.Connect(t, s))
	ctx := streamtest.Context(t)
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "bad", Subjects: []string{"logs"}, MaxBytes: 1 << 20, MaxAge: time.Hour, Discard: jetstream.DiscardOld, Storage: jetstream.MemoryStorage}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "bad_DEAD", Subjects: []string{"lm.dead.bad.>"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateConsumer(ctx, "bad", jetstream.ConsumerConfig{Durable: "abandoned", AckPolicy: jetstream.AckExplicitPolicy}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateConsumer(ctx, "bad", jetstream.ConsumerConfig{Durable: "foreign", AckPolicy: jetstream.AckAllPolicy, FilterSubject: "logs", MaxDeliver: 3}); err != nil {
		t.Fatal(err)
	}
	for range 17 {
		if _, err := js.Publish(ctx, "logs", make([]byte, 60<<10)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := js.Publish(ctx, "lm.dead.bad.g.1.1.0", []byte("x")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CTL_NATS_URL", s.ClientURL())
	t.Setenv("CTL_SUBJECT", "logs")
	out, errs, code := lagerCtl(nil, "doctor")
	if code != 1 || !strings.Contains(errs, "findings to mend") {
		t.Errorf("exit code %d\n%s", code, errs)
	}
	for _, want := range []string{
		"WARN  max_payload is 262144",
		"FAIL  stream bad: it is kept in memory",
		"FAIL  stream bad: when full it drops its oldest records", "fix: nats stream edit bad --discard=new",
		"FAIL  stream bad: records older than 1h0m0s are dropped", "fix: nats stream edit bad --max-age=0",
		"WARN  stream bad: one replica and fsync later",
		"WARN  stream bad does not republish to lm.tail.bad",
		"FAIL  stream bad holds 1", // … bytes, 99 % …
		"WARN  group abandoned of stream bad has settled up to block 0; 17 blocks wait", "if the group is abandoned: nats consumer rm bad abandoned",
		"FAIL  group foreign of stream bad was made for something else: ack policy AckAll, a filter, max_deliver 3",
		"FAIL  stream bad is held by group abandoned, which has not settled block 1",
		"FAIL  stream bad_DEAD would lose or double dead letters", "WARN  stream bad_DEAD holds 1 dead letters",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("nothing about %q", want)
		}
	}
	if t.Failed() {
		t.Log(out)
	}
}

func TestDoctorMissesThePurgeRight(t *testing.T) {
	s := streamtest.Server(t, streamtest.Extra(`authorization { users = [
		{ user: all, password: p }
		{ user: some, password: p, permissions: { publish: { deny: "$JS.API.STREAM.PURGE.>" } } }
	] }`))
	js := streamtest.JetStream(t, streamtest.Connect(t, s, nats.UserInfo("all", "p")))
	ensure(t, js, "logs")
	t.Setenv("CTL_NATS_URL", s.ClientURL())
	t.Setenv("CTL_NATS_USER", "some")
	t.Setenv("CTL_NATS_PASSWORD", "p")
	t.Setenv("CTL_SUBJECT", "logs")
	out, _, code := lagerCtl(nil, "doctor")
	if code != 1 || !strings.Contains(out, "FAIL  stream logs may not be purged by this user") || !strings.Contains(out, "allow $JS.API.STREAM.PURGE.logs") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

func TestDoctorLeavesEveryBlockWhereItIs(t *testing.T) {
	s := streamtest.Server(t)
	js := streamtest.JetStream(t, streamtest.Connect(t, s))
	name := ensure(t, js, "logs")
	ctx := streamtest.Context(t)
	for range 3 {
		if _, err := js.Publish(ctx, "logs", []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("CTL_NATS_URL", s.ClientURL())
	t.Setenv("CTL_SUBJECT", "logs")
	lagerCtl(nil, "doctor")
	st, err := js.Stream(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	if n := st.CachedInfo().State.Msgs; n != 3 {
		t.Errorf("%d blocks left of 3", n)
	}
}

func TestDoctorWithoutNATSOrStream(t *testing.T) {
	t.Setenv("CTL_NATS_URL", "nats://127.0.0.1:1")
	if out, _, code := lagerCtl(nil, "doctor"); code != 1 || !strings.Contains(out, "FAIL  connect to NATS at nats://127.0.0.1:1") || !strings.Contains(out, "fix: start NATS") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	t.Setenv("CTL_NATS_URL", streamtest.Server(t).ClientURL())
	if out, _, code := lagerCtl(nil, "doctor"); code != 0 || !strings.Contains(out, "WARN  no stream holds subject lagermeister-test yet") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	t.Setenv("CTL_NATS_URL", "localhost")
	if _, errs, code := lagerCtl(nil, "doctor"); code != 78 || !strings.Contains(errs, "CTL_NATS_URL") {
		t.Errorf("exit code %d\n%s", code, errs)
	}
}

func TestSettingsListsTheVariables(t *testing.T) {
	t.Parallel()
	if out, _, code := lagerCtl(nil, "settings"); code != 0 || !strings.Contains(out, "CTL_NATS_URL") || !strings.Contains(out, "CTL_SUBJECT") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}
