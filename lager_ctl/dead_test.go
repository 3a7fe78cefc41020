package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/deadletter"
	"lagermeister/heka"
	"lagermeister/heka/recordid"
	"lagermeister/sink/sinktest"
	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

// stored is a stream with blocks of numbered records and a group that takes replays.
func stored(t *testing.T, blocks, each int) (ctx context.Context, js jetstream.JetStream) {
	t.Helper()
	s := streamtest.Server(t)
	js = streamtest.JetStream(t, streamtest.Connect(t, s))
	ctx = streamtest.Context(t)
	t.Setenv("CTL_NATS_URL", s.ClientURL())
	t.Setenv("CTL_SUBJECT", "logs")
	ensure(t, js, "logs")
	cfg := streamConfig("logs")
	if err := stream.EnsureReplay(ctx, js, cfg, quiet()); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.EnsureReplayConsumer(ctx, js, "logs", "es"); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.EnsureDead(ctx, js, "logs", cfg, quiet()); err != nil {
		t.Fatal(err)
	}
	for b := range blocks {
		var body []byte
		for i := range each {
			body = append(body, numbered(b*each+i)...)
		}
		msg := &nats.Msg{Subject: "logs", Data: body, Header: nats.Header{
			stream.HeaderMsgID: {fmt.Sprintf("run-%d", b)}, stream.HeaderCut: {"1700000000123"}, stream.HeaderRecords: {strconv.Itoa(each)}}}
		if _, err := js.PublishMsg(ctx, msg); err != nil {
			t.Fatal(err)
		}
	}
	return ctx, js
}

func numbered(n int) []byte {
	d := heka.Draft{Type: "test", Hostname: "host", Payload: fmt.Sprintf("record %d", n)}
	return heka.AppendFrame(nil, d.Append(nil))
}

// letters stores n dead letters of group es.
func letters(t *testing.T, ctx context.Context, js jetstream.JetStream, n int) {
	t.Helper()
	for i := range n {
		l := deadletter.Letter{
			Stream: "logs", Group: "es", Epoch: 1, Sequence: uint64(i + 1), Sink: "bulk", Status: 400, ErrorType: []string{"mapper", "limit"}[i%2],
			Reason: fmt.Sprintf("field 'x%d' \x1b[2J", i), ID: "00", Origin: "run-1", Cut: "1700000000123", Attempts: 1, Frame: numbered(i),
			First: time.Unix(1_700_000_000, 0), Last: time.Unix(1_700_000_000, 0),
		}
		if _, err := js.PublishMsg(ctx, l.Msg()); err != nil {
			t.Fatal(err)
		}
	}
}

func held(t *testing.T, ctx context.Context, js jetstream.JetStream, name string) uint64 {
	t.Helper()
	s, err := js.Stream(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().State.Msgs
}

func TestDeadLettersAreListedShownReplayedAndDropped(t *testing.T) {
	ctx, js := stored(t, 1, 1)
	letters(t, ctx, js, 10)

	out, errs, code := lagerCtl(nil, "dead", "list")
	if code != 0 || !strings.Contains(out, "field '…'") || !strings.Contains(out, "10 dead letters of stream logs") || strings.Contains(out, "\x1b") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	var s deadletter.Summary
	out, errs, code = lagerCtl(nil, "dead", "list", "--reason", "limit", "--json")
	if err := json.Unmarshal([]byte(out), &s); err != nil || code != 0 || s.Letters != 5 || len(s.Kinds) != 1 {
		t.Errorf("exit code %d, %v: %s%s", code, err, out, errs)
	}
	out, errs, code = lagerCtl(nil, "dead", "list", "--entries", "--limit", "3", "--reason", s.Kinds[0].Fingerprint)
	if code != 0 || strings.Count(out, "\n") != 4 || !strings.Contains(errs, "--after ") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	out, errs, code = lagerCtl(nil, "dead", "show", "3.0")
	if code != 0 || !strings.Contains(out, "record 2") || !strings.Contains(out, "lm.dead.logs.es.1.3.0") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"dead", 64, "list, show, replay or drop"},
		{"dead burn", 64, "burn"},
		{"dead show 3.9", 1, "no such"},
		{"dead show", 64, "one position"},
		{"dead list --match Type==", 65, ""},
		{"dead list --from yesterday", 64, "--from"},
		{"dead drop", 64, "--yes"},
		{"dead drop --group es", 64, "--yes"},
		{"dead drop --dry-run --reason limit", 0, "5 letters selected"},
		{"dead replay --dry-run --match Payload=~/[12]/", 0, "2 letters selected"},
		{"dead replay --match Payload=~/[12]/ --rate 1000", 0, "2 asked to be delivered once more"},
		{"dead drop --yes --reason limit --json", 0, `"done": 5`},
		{"dead drop --yes --from 1h", 0, "0 letters selected"},
		{"dead drop --yes", 0, "5 dropped"},
		{"dead list --stream none", 1, "none_DEAD"},
	} {
		out, errs, code := lagerCtl(nil, strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(out+errs, c.says) {
			t.Errorf("%s: exit code %d, want %d with %q: %s%s", c.args, code, c.code, c.says, out, errs)
		}
	}
	if replays, left := held(t, ctx, js, stream.Replay), held(t, ctx, js, stream.DeadName("logs")); replays != 2 || left != 0 {
		t.Errorf("%d replays, %d letters left", replays, left)
	}
	audit, err := js.Stream(ctx, stream.Audit)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := audit.GetMsg(ctx, 2)
	if err != nil || !bytes.Contains(msg.Data, []byte(whoAmI())) || !bytes.Contains(msg.Data, []byte(`"done":2`)) {
		t.Errorf("%s: %v", msg.Data, err)
	}
}

func TestAWindowIsReplayedToAGroupInRuns(t *testing.T) {
	ctx, js := stored(t, 10, 10)
	out, errs, code := lagerCtl(nil, "replay", "--from", "1", "--to-group", "es", "--dry-run", "--match", "Payload =~ /[1-3]$/")
	if code != 0 || !strings.Contains(out, "100 records read, 30 selected") || held(t, ctx, js, stream.Replay) != 0 {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	out, errs, code = lagerCtl(nil, "replay", "--from", "3", "--to", "7", "--to-group", "es", "--match", "Payload =~ /[1-3]$/ || Payload =~ /8$/")
	if code != 0 || !strings.Contains(out, "50 records read, 20 selected") || !strings.Contains(out, "20 sent") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	s, err := js.Stream(ctx, stream.Replay)
	if err != nil || s.CachedInfo().State.Msgs != 10 {
		t.Fatalf("%d runs, want 10: %v", s.CachedInfo().State.Msgs, err)
	}
	msg, err := s.GetMsg(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := nats.Header{"Lm-Origin": {"run-2"}, "Lm-Sequence": {"3"}, "Lm-Index": {"1"}, "Lm-Cut": {"1700000000123"}}
	if fmt.Sprint(msg.Header) != fmt.Sprint(want) || !bytes.Equal(msg.Data, bytes.Join([][]byte{numbered(21), numbered(22), numbered(23)}, nil)) {
		t.Errorf("%v %q", msg.Header, msg.Data)
	}
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"replay", 64, "--from"},
		{"replay --from 1", 64, "--to-group and --to-url"},
		{"replay --from 1 --to-group a --to-url http://b", 64, "one of"},
		{"replay --from never --to-group es", 64, "--from"},
		{"replay --from 1 --to-group nobody", 1, "takes no replays"},
		{"replay --from 1 --to-url ftp://b", 64, "--to-url"},
		{"replay --from 1 --to-url http://b --kind pigeon", 64, "pigeon"},
		{"replay --from 2026-01-01T00:00:00Z --to-group es --dry-run", 0, "100 records read"},
		{"replay --from 0s --to-group es --dry-run", 0, "0 records read"},
		{"replay --from 1 --to 2026-01-01T00:00:00Z --to-group es --dry-run", 0, "0 records read"},
	} {
		out, errs, code := lagerCtl(nil, strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(out+errs, c.says) {
			t.Errorf("%s: exit code %d, want %d with %q: %s%s", c.args, code, c.code, c.says, out, errs)
		}
	}
}

func TestAWindowIsReplayedToAnEngineOnceAndAgain(t *testing.T) {
	_, _ = stored(t, 20, 7)
	far := sinktest.New(t)
	far.FailTimes(1, sinktest.Status(503))
	args := []string{"replay", "--from", "1", "--to-url", far.URL, "--batch", "9"}
	out, errs, code := lagerCtl(nil, args...)
	if code != 0 || far.Len() != 140 || !strings.Contains(out, "140 sent") {
		t.Fatalf("exit code %d, %d records: %s%s", code, far.Len(), out, errs)
	}
	out, errs, code = lagerCtl(nil, args...)
	if code != 0 || far.Len() != 140 || !strings.Contains(out, "of which the sink had 140") {
		t.Errorf("exit code %d, %d records: %s%s", code, far.Len(), out, errs)
	}
	for _, e := range far.Ledger() {
		if e.Index != "lagermeister-2023.11.14" || !strings.Contains(e.Doc, `"lm.position":"`) {
			t.Fatalf("%+v", e)
		}
	}
	far.Fail(sinktest.RefuseItems(func(r sinktest.Record) *sinktest.Item {
		if strings.Contains(r.Doc, `"record 5"`) {
			return &sinktest.Item{Status: 400, Type: "bad"}
		}
		return nil
	}))
	out, errs, code = lagerCtl(nil, args...)
	if code != 0 || !strings.Contains(out, "1 refused") || !strings.Contains(errs, "position 1.5 refused") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}

	other := sinktest.New(t)
	out, errs, code = lagerCtl(nil, "replay", "--from", "1", "--to-url", other.URL, "--kind", "http", "--json")
	if code != 0 || other.Len() != 140 || !strings.Contains(out, `"sent": 140`) {
		t.Errorf("exit code %d, %d records: %s%s", code, other.Len(), out, errs)
	}
}

// What strangers may write into the headers of a block is believed as far as a
// subscriber believes it, so that a replay doubles nothing.
func TestAReplayGivesTheIdsAndIndicesThatASubscriberGives(t *testing.T) {
	ctx, js := stored(t, 0, 0)
	headers := []nats.Header{
		{"Nats-Msg-Id": {"run-1"}, "Lm-Cut": {"1700000000123"}},
		{"Nats-Msg-Id": {"no origin"}, "Lm-Cut": {"-5"}},
		{"Nats-Msg-Id": {strings.Repeat("x", 300)}, "Lm-Cut": {"99999999999999"}},
		nil,
	}
	for i, h := range headers {
		if _, err := js.PublishMsg(ctx, &nats.Msg{Subject: "logs", Header: h, Data: numbered(i)}); err != nil {
			t.Fatal(err)
		}
	}
	far := sinktest.New(t)
	if out, errs, code := lagerCtl(nil, "replay", "--from", "1", "--to-url", far.URL); code != 0 || far.Len() != len(headers) {
		t.Fatalf("exit code %d, %d records: %s%s", code, far.Len(), out, errs)
	}
	s, err := js.Stream(ctx, "logs")
	if err != nil {
		t.Fatal(err)
	}
	var m heka.Message
	var hash recordid.Hasher
	for i, h := range headers {
		msg, err := s.GetMsg(ctx, uint64(i+1))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range heka.Records(msg.Data) {
			if err := m.Parse(r.Body); err != nil {
				t.Fatal(err)
			}
		}
		id := string(hash.Append(nil, &m, stream.Origin(h.Get("Nats-Msg-Id"), "logs", s.CachedInfo().Created.UnixNano(), msg.Sequence), 0))
		index := "lagermeister-" + stream.CutTime(h.Get("Lm-Cut"), msg.Time).UTC().Format("2006.01.02")
		if e, ok := far.Entry(id); !ok || e.Index != index {
			t.Errorf("block %d: %s is in %q, want %q", i+1, id, e.Index, index)
		}
	}
}

func TestAReplayRepairsWhatASubscriberWould(t *testing.T) {
	_, _ = stored(t, 1, 3)
	far := sinktest.New(t)
	far.Fail(sinktest.RefuseItems(func(r sinktest.Record) *sinktest.Item {
		if strings.Contains(r.Doc, `"record 1"`) && !strings.Contains(r.Doc, `"lm.repaired":true`) {
			return &sinktest.Item{Status: 400, Type: "document_parsing_exception", Reason: "[1:9] failed to parse field [message] of type [long] in document"}
		}
		return nil
	}))
	out, errs, code := lagerCtl(nil, "replay", "--from", "1", "--to-url", far.URL)
	if code != 0 || far.Len() != 3 || !strings.Contains(out, "3 sent") {
		t.Errorf("exit code %d, %d records: %s%s", code, far.Len(), out, errs)
	}
}

func TestAStoppedReplayGoesOnWhereItWas(t *testing.T) {
	_, _ = stored(t, 30, 10)
	far := sinktest.New(t)
	far.Fail(sinktest.Status(403))
	file := filepath.Join(t.TempDir(), "resume")
	args := []string{"replay", "--from", "1", "--to", "20", "--to-url", far.URL, "--batch", "15", "--resume", file}
	_, errs, code := lagerCtl(nil, args...)
	if code != 1 || !strings.Contains(errs, "goes on with --from 1") {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	posts := 0
	far.Fail(func(a *sinktest.Attempt) {
		if posts++; posts > 5 {
			sinktest.Status(403)(a)
			return
		}
		a.Answer(a.Take(nil))
	})
	_, errs, code = lagerCtl(nil, args...)
	if code != 1 || !strings.Contains(errs, "goes on with --from 8") || far.Len() != 75 {
		t.Fatalf("exit code %d, %d records: %s", code, far.Len(), errs)
	}
	far.Heal()
	out, errs, code := lagerCtl(nil, "replay", "--to-url", far.URL, "--resume", file)
	if code != 0 || far.Len() != 200 || !strings.Contains(out, "of which the sink had 5") {
		t.Errorf("exit code %d, %d records: %s%s", code, far.Len(), out, errs)
	}
	text, err := os.ReadFile(file)
	if err != nil || string(text) != `{"stream":"logs","next":21,"to":20}`+"\n" {
		t.Errorf("%s: %v", text, err)
	}
	if out, errs, code = lagerCtl(nil, args...); code != 0 || !strings.Contains(out, "0 records read") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
}
