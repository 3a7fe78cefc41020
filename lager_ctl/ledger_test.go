package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/heka"
	"lagermeister/heka/recordid"
	"lagermeister/ledger"
	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

// settled is a stream with four blocks of two records and a group that has
// settled the first two: one record of the first is a dead letter.
func settled(t *testing.T) (ctx context.Context, js jetstream.JetStream) {
	t.Helper()
	s := streamtest.Server(t)
	js = streamtest.JetStream(t, streamtest.Connect(t, s))
	ctx = streamtest.Context(t)
	t.Setenv("CTL_NATS_URL", s.ClientURL())
	t.Setenv("CTL_SUBJECT", "logs")
	ensure(t, js, "logs")
	cfg := streamConfig("logs")
	if err := stream.EnsureLedger(ctx, js, cfg, quiet()); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.EnsureDead(ctx, js, "logs", cfg, quiet()); err != nil {
		t.Fatal(err)
	}
	_, epoch, _, err := stream.EnsureConsumer(ctx, js, "logs", "es", stream.StartOptions{AllByDefault: true}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	block := bytes.Join([][]byte{record(t, "m001"), record(t, "m096")}, nil)
	for n := range 4 {
		msg := &nats.Msg{Subject: "logs", Data: block, Header: nats.Header{stream.HeaderRecords: {"2"}, stream.HeaderMsgID: {fmt.Sprintf("run-%d", n)}}}
		if _, err := js.PublishMsg(ctx, msg); err != nil {
			t.Fatal(err)
		}
	}
	settle(t, ctx, js, epoch, ledger.Block{Sequence: 1, Records: 2, Delivered: 1, Dead: 1}, ledger.Block{Sequence: 2, Records: 2, Delivered: 2})
	letter := &nats.Msg{Subject: stream.DeadSubject("logs", "es", epoch, 1, 1), Header: nats.Header{
		stream.HeaderStatus: {"400"}, stream.HeaderErrorType: {"mapper_parsing_exception"}, stream.HeaderReason: {"failed to parse field [x]"}}}
	if _, err := js.PublishMsg(ctx, letter); err != nil {
		t.Fatal(err)
	}
	return ctx, js
}

func settle(t *testing.T, ctx context.Context, js jetstream.JetStream, epoch int64, blocks ...ledger.Block) {
	t.Helper()
	m := ledger.Message{Blocks: blocks}
	msg := &nats.Msg{Subject: stream.LedgerSubject("logs", "es"), Data: m.Append(nil), Header: nats.Header{stream.HeaderEpoch: {fmt.Sprint(epoch)}}}
	if _, err := js.PublishMsg(ctx, msg); err != nil {
		t.Fatal(err)
	}
}

func epochOf(t *testing.T, ctx context.Context, js jetstream.JetStream) int64 {
	t.Helper()
	c, err := js.Consumer(ctx, "logs", "es")
	if err != nil {
		t.Fatal(err)
	}
	return c.CachedInfo().Created.UnixNano()
}

func TestLedgerPrintsTheBalanceAndFailsOnADifference(t *testing.T) {
	ctx, js := settled(t)
	out, errs, code := lagerCtl(nil, "ledger")
	if code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, out, errs)
	}
	if got, want := strings.Join(strings.Fields(strings.Split(out, "\n")[1]), " "), "logs es balanced 8 3 0 0 0 1 4 0 0"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}

	settle(t, ctx, js, epochOf(t, ctx, js), ledger.Block{Sequence: 3, Records: 2, Delivered: 1})
	out, errs, code = lagerCtl(nil, "ledger", "--json", "--stream", "logs")
	var books ledger.Books
	if err := json.Unmarshal([]byte(out), &books); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if g := books.Streams[0].Groups[0]; code != 1 || g.Difference != 1 || g.State != ledger.Difference || !strings.Contains(errs, "logs/es: difference") {
		t.Errorf("exit code %d, %+v, %s", code, g, errs)
	}
	l, err := js.Stream(ctx, stream.Ledger)
	if err != nil || l.CachedInfo().State.Msgs != 2 {
		t.Errorf("settlements were removed: %v", err)
	}
	if _, errs, code := lagerCtl(nil, "ledger", "--stream", "nowhere"); code != 1 || !strings.Contains(errs, "no stream nowhere") {
		t.Errorf("exit code %d, %s", code, errs)
	}
}

func TestTraceTellsWhatBecameOfARecord(t *testing.T) {
	ctx, js := settled(t)
	var m heka.Message
	frame := record(t, "m001")
	if err := m.Parse(frame[len(frame)-81:]); err != nil {
		t.Fatal(err)
	}
	var h recordid.Hasher
	for position, want := range map[string]string{
		"1.0": "settled: delivered, or filtered",
		"1.1": "dead letter: mapper_parsing_exception, failed to parse field [x], status 400",
		"3.0": "not handed out yet, 2 blocks are before it",
	} {
		out, errs, code := lagerCtl(nil, "trace", position)
		if code != 0 || !strings.Contains(out, "group es") || !strings.Contains(out, want) {
			t.Errorf("%s: exit code %d\n%s%s", position, code, out, errs)
		}
		if id := string(h.Append(nil, &m, "run-0", 0)); position == "1.0" && !strings.Contains(out, "id "+id) {
			t.Errorf("no id %s in\n%s", id, out)
		}
	}
	if out, _, code := lagerCtl(nil, "trace", "--stream", "logs", uuidText(m.UUID)); code != 0 ||
		!strings.Contains(out, "4 blocks read, sequences 1 to 4") || !strings.Contains(out, "position 4.0") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	for _, nowhere := range []string{"5.0", "2.2", "00000000-0000-0000-0000-000000000000"} {
		if out, errs, code := lagerCtl(nil, "trace", nowhere); code != 1 || !strings.Contains(errs, "no such record") {
			t.Errorf("%s: exit code %d\n%s%s", nowhere, code, out, errs)
		}
	}
	if _, errs, code := lagerCtl(nil, "trace", "everything"); code != 64 {
		t.Errorf("exit code %d, %s", code, errs)
	}

	// What is purged before it was settled is lost, and no secret.
	s, err := js.Stream(ctx, "logs")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(ctx, jetstream.WithPurgeSequence(4)); err != nil {
		t.Fatal(err)
	}
	publishMoved(t, ctx, js, "1.1")
	for position, want := range map[string]string{"3.1": "expired", "1.1": "delivered by a replay", "1.0": "no longer in the stream"} {
		if out, errs, code := lagerCtl(nil, "trace", position); code != 0 || !strings.Contains(out, want) {
			t.Errorf("%s: exit code %d\n%s%s", position, code, out, errs)
		}
	}
}

func publishMoved(t *testing.T, ctx context.Context, js jetstream.JetStream, position string) {
	t.Helper()
	m := ledger.Message{Moved: []string{position}}
	msg := &nats.Msg{Subject: stream.LedgerSubject("logs", "es"), Data: m.Append(nil), Header: nats.Header{stream.HeaderEpoch: {fmt.Sprint(epochOf(t, ctx, js))}}}
	if _, err := js.PublishMsg(ctx, msg); err != nil {
		t.Fatal(err)
	}
}
