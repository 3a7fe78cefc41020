package deadletter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/heka"
	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

// fill stores n letters of two groups, refused one second apart, every third for
// another reason, and returns their box.
func fill(t *testing.T, n int, opts ...streamtest.Option) (context.Context, jetstream.JetStream, *Box) {
	t.Helper()
	ctx, js, _ := open(t, opts...)
	start := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for i := range n {
		draft := heka.Draft{Payload: fmt.Sprintf("record %d", i), Type: "test"}
		l := letter(uint64(i+1), i%5)
		l.Group, l.Reason = []string{"group", "other"}[i%2], fmt.Sprintf("not a date: '%d'", i)
		if i%3 == 0 {
			l.Reason = fmt.Sprintf("too large: %d bytes", i)
		}
		l.First, l.Last = start.Add(time.Duration(i)*time.Second), start.Add(time.Duration(i)*time.Second)
		l.Frame = heka.AppendFrame(nil, draft.Append(nil))
		if _, err := js.PublishMsgAsync(l.Msg(), jetstream.WithStallWait(streamtest.Timeout)); err != nil {
			t.Fatal(err)
		}
	}
	<-js.PublishAsyncComplete()
	b, err := Open(ctx, js, "main")
	if err != nil {
		t.Fatal(err)
	}
	return ctx, js, b
}

func (b *Box) size(t *testing.T, ctx context.Context) uint64 {
	t.Helper()
	info, err := b.dead.Info(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return info.State.Msgs
}

func TestLettersAreGroupedByTheKindOfTheirReason(t *testing.T) {
	t.Parallel()
	ctx, _, b := fill(t, 60)
	s, err := b.Summary(ctx, Filter{})
	if err != nil {
		t.Fatal(err)
	}
	if s.Letters != 60 || len(s.Kinds) != 4 || s.Others != 0 {
		t.Fatalf("%+v", s)
	}
	k := s.Kinds[0]
	if k.Letters != 20 || k.Pattern != "not a date: '…'" || k.ErrorType != "mapper_parsing_exception" || k.Status != 400 || !k.First.Before(k.Last) || k.Bytes == 0 {
		t.Errorf("%+v", k)
	}
	only, err := b.Summary(ctx, Filter{Group: "group", Reason: k.Fingerprint})
	if err != nil || only.Letters != 20 || len(only.Kinds) != 1 {
		t.Errorf("%+v: %v", only, err)
	}
}

func TestFiltersSelectLetters(t *testing.T) {
	t.Parallel()
	ctx, _, b := fill(t, 60)
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		f    Filter
		want int
	}{
		{Filter{}, 60},
		{Filter{Group: "other"}, 30},
		{Filter{Group: "oth"}, 0},
		{Filter{Reason: "mapper_parsing_exception"}, 60},
		{Filter{Reason: Fingerprint("mapper_parsing_exception", "too large: 7 bytes")}, 20},
		{Filter{Match: `Payload =~ /record 1.$/`}, 10},
		{Filter{Match: `Payload =~ /record 1.$/`, Group: "group"}, 5},
		{Filter{From: noon.Add(10 * time.Second), To: noon.Add(20 * time.Second)}, 10},
		{Filter{Subjects: []string{"lm.dead.main.group.99.1.0"}}, 1},
	} {
		list, next, err := b.List(ctx, c.f, 0, 1000)
		if err != nil || len(list) != c.want || next != 0 {
			t.Errorf("%+v: %d letters, want %d: %v", c.f, len(list), c.want, err)
		}
	}
	if _, _, err := b.List(ctx, Filter{Match: "Payload =="}, 0, 10); err == nil {
		t.Error("a match spec with an error was taken")
	}
	if _, _, err := b.List(ctx, Filter{Subjects: []string{"lm.dead.other.g.1.1.1"}}, 0, 10); err == nil {
		t.Error("a subject of another stream was taken")
	}
}

// chosen are the subjects of letters that fill has stored, and of one that is gone.
var chosen = []string{"lm.dead.main.group.99.9.3", "lm.dead.main.other.99.2.1", "lm.dead.main.group.99.9999.0", "lm.dead.main.group.99.1.0"}

func TestChosenLettersAreListedInTheirOrderWithWhatTheyAreAbout(t *testing.T) {
	t.Parallel()
	ctx, _, b := fill(t, 20)
	list, next, err := b.List(ctx, Filter{Subjects: chosen}, 0, 10)
	if err != nil || next != 0 {
		t.Fatal(next, err)
	}
	var got []string
	for _, e := range list {
		got = append(got, e.Position()+" "+e.Payload)
	}
	if want := []string{"9.3 record 8", "2.1 record 1", "1.0 record 0"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if list, next, err = b.List(ctx, Filter{Subjects: chosen, Group: "other"}, 0, 10); err != nil || len(list) != 1 || next != 0 {
		t.Errorf("with a group: %d letters, next %d: %v", len(list), next, err)
	}
	if list, next, err = b.List(ctx, Filter{Subjects: chosen}, 10, 1); err != nil || len(list) != 3 || next != 0 {
		t.Errorf("they are no one page: %d letters, next %d: %v", len(list), next, err)
	}
}

func TestOnlyChosenLettersAreDropped(t *testing.T) {
	t.Parallel()
	ctx, js, b := fill(t, 20)
	for name, wrong := range map[string][]string{
		"one of another stream": {chosen[0], "lm.dead.other.g.1.1.1"}, "all of a group": {"lm.dead.main.group.>"}, "one given twice": {chosen[0], chosen[0]}, "too many": make([]string, maxSubjects+1),
	} {
		if _, err := b.Drop(ctx, Change{Filter: Filter{Subjects: wrong}}); err == nil {
			t.Errorf("%s was dropped", name)
		}
	}
	if n := b.size(t, ctx); n != 20 {
		t.Fatalf("a refused choice left %d letters of 20", n)
	}
	dry, err := b.Drop(ctx, Change{Filter: Filter{Subjects: chosen}, DryRun: true})
	if err != nil || dry.Selected != 3 || dry.Done != 0 {
		t.Errorf("counted %+v: %v", dry, err)
	}
	n, err := b.Drop(ctx, Change{Filter: Filter{Subjects: chosen}, Who: "tester"})
	if err != nil || n.Selected != 3 || n.Done != 3 || b.size(t, ctx) != 17 {
		t.Errorf("dropped %+v, %d are left: %v", n, b.size(t, ctx), err)
	}
	for _, subject := range chosen {
		if _, err := b.Show(ctx, subject); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", subject, err)
		}
	}
	if list := audits(t, ctx, js); len(list) != 2 || !strings.Contains(fmt.Sprintf("%s", list[0].Filter), chosen[0]) {
		t.Errorf("the audit does not name what was dropped: %+v", list)
	}
}

func TestPagesHoldEachLetterOnce(t *testing.T) {
	t.Parallel()
	ctx, _, b := fill(t, 25)
	seen := map[string]int{}
	pages := 0
	for after := uint64(0); ; pages++ {
		page, next, err := b.List(ctx, Filter{}, after, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page {
			seen[e.Position()]++
		}
		if after = next; next == 0 {
			break
		}
	}
	if len(seen) != 25 || pages != 2 {
		t.Errorf("%d letters on %d pages", len(seen), pages+1)
	}
}

func TestTenThousandLettersAreListedInBoundedMemory(t *testing.T) {
	const n, bound = 10_000, 24 << 20
	ctx, _, b := fill(t, n)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	seen, most := 0, uint64(0)
	if err := b.Each(ctx, Filter{Match: "TRUE"}, 0, func(e *Entry) error {
		if seen++; seen%1000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&after)
			most = max(most, after.HeapAlloc)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if seen != n {
		t.Errorf("%d letters seen, want %d", seen, n)
	}
	if most > before.HeapAlloc+bound {
		t.Errorf("the heap grew from %d to %d bytes", before.HeapAlloc, most)
	}
	s, err := b.Summary(ctx, Filter{})
	if err != nil || s.Letters != n || len(s.Kinds) != 4 {
		t.Errorf("%d letters of %d kinds: %v", s.Letters, len(s.Kinds), err)
	}
}

func TestOneLetterIsShownWithItsFrame(t *testing.T) {
	t.Parallel()
	ctx, _, b := fill(t, 10)
	for _, which := range []string{"7.1", "lm.dead.main.group.99.7.1"} {
		list, err := b.Show(ctx, which)
		if err != nil || len(list) != 1 || len(list[0].Frame) == 0 || list[0].Position() != "7.1" {
			t.Errorf("%s: %+v, %v", which, list, err)
		}
	}
	for _, which := range []string{"8.8", "", "*.*", "7", "7.*", "lm.dead.main.*.99.7.1", "lm.dead.other.group.99.7.1"} {
		if list, err := b.Show(ctx, which); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %+v, %v", which, list, err)
		}
	}
}

func TestARecordIsShownAsEachGroupAndEpochHasRefusedIt(t *testing.T) {
	t.Parallel()
	ctx, js, b := fill(t, 10)
	for _, l := range []Letter{{Group: "other", Epoch: 99}, {Group: "group", Epoch: 100}} {
		other := letter(7, 1)
		other.Group, other.Epoch = l.Group, l.Epoch
		if _, err := js.PublishMsg(ctx, other.Msg()); err != nil {
			t.Fatal(err)
		}
	}
	list, err := b.Show(ctx, "7.1")
	if err != nil || len(list) != 3 || list[0].Epoch != 99 || list[1].Group != "other" || list[2].Epoch != 100 {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestLookingAtLettersCreatesNoConsumer(t *testing.T) {
	t.Parallel()
	ctx, js, b := fill(t, 60)
	created, err := js.Conn().SubscribeSync("$JS.EVENT.ADVISORY.CONSUMER.CREATED.>")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []Filter{{}, {Group: "group", Match: "TRUE"}, {Subjects: []string{"lm.dead.main.group.99.1.0"}}} {
		page, _, err := b.List(ctx, f, 0, 7)
		summary, err2 := b.Summary(ctx, f)
		n, err3 := b.Drop(ctx, Change{Filter: f, DryRun: true})
		if err := errors.Join(err, err2, err3); err != nil || len(page) == 0 || summary.Letters == 0 || n.Selected != summary.Letters {
			t.Errorf("%+v: %d letters listed, %d added up, %d selected: %v", f, len(page), summary.Letters, n.Selected, err)
		}
	}
	if _, err := b.Show(ctx, "7.1"); err != nil {
		t.Error(err)
	}
	// The first consumer that is created is the one created now.
	if _, err := js.CreateConsumer(ctx, "main", jetstream.ConsumerConfig{Durable: "mark"}); err != nil {
		t.Fatal(err)
	}
	if msg, err := created.NextMsg(streamtest.Timeout); err != nil || !strings.HasSuffix(msg.Subject, ".main.mark") {
		t.Errorf("a consumer was created: %+v, %v", msg, err)
	}
}

// audits are the entries of LM_AUDIT.
func audits(t *testing.T, ctx context.Context, js jetstream.JetStream) (list []Audit) {
	t.Helper()
	err := stream.Walk{Stream: stream.Audit}.Do(ctx, js, func(msg jetstream.Msg, _ uint64, _ time.Time) error {
		var a Audit
		if msg.Subject() != "lm.audit.main" {
			t.Errorf("subject %s", msg.Subject())
		}
		list = append(list, a)
		return json.Unmarshal(msg.Data(), &list[len(list)-1])
	})
	if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Fatal(err)
	}
	return list
}

func TestAReplayIsAskedForAndKept(t *testing.T) {
	t.Parallel()
	ctx, js, b := fill(t, 20)
	cfg := stream.Config{StreamReplicas: 1}
	if err := stream.EnsureReplay(ctx, js, cfg, quiet()); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.EnsureReplayConsumer(ctx, js, "main", "group"); err != nil {
		t.Fatal(err)
	}
	c := Change{Filter: Filter{Match: `Payload =~ /record 1.$/`}, Who: "me@host", Log: quiet()}
	c.DryRun = true
	if n, err := b.Replay(ctx, c); err != nil || n.Selected != 10 || n.Done != 0 || n.Deaf != 5 {
		t.Errorf("dry run: %+v, %v", n, err)
	}
	if list := audits(t, ctx, js); len(list) != 0 {
		t.Errorf("a dry run is kept: %+v", list)
	}
	c.DryRun = false
	if n, err := b.Replay(ctx, c); err != nil || n.Done != 5 || n.Deaf != 5 || n.Bytes == 0 {
		t.Errorf("%+v, %v", n, err)
	}
	replays, err := js.Stream(ctx, stream.Replay)
	if err != nil || replays.CachedInfo().State.Msgs != 5 {
		t.Fatalf("replays stored: %v", err)
	}
	msg, err := replays.GetMsg(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := nats.Header{"Lm-Origin": {"run-1"}, "Lm-Index": {"0"}, "Lm-Sequence": {"11"}, "Lm-Cut": {"1700000000123"}, "Lm-Dead": {"lm.dead.main.group.99.11.0"}}
	if fmt.Sprint(msg.Header) != fmt.Sprint(want) || msg.Subject != "lm.replay.main.group" || len(msg.Data) == 0 {
		t.Errorf("%s %v", msg.Subject, msg.Header)
	}
	list := audits(t, ctx, js)
	if len(list) != 2 || list[0].State != "begun" || list[1].State != "done" || list[0].Run != list[1].Run || list[1].Who != "me@host" ||
		list[1].Action != "replay" || !strings.Contains(fmt.Sprint(list[1].Filter), "record 1") || !strings.Contains(fmt.Sprint(list[1].Counts), "done:5") {
		t.Errorf("%+v", list)
	}
	if n := b.size(t, ctx); n != 20 {
		t.Errorf("%d letters are left, want all 20", n)
	}
}

func TestDroppedLettersAreGoneAndKeptInTheAudit(t *testing.T) {
	t.Parallel()
	ctx, js, b := fill(t, 20)
	c := Change{Filter: Filter{Group: "other"}, Who: "me", Log: quiet(), DryRun: true}
	if n, err := b.Drop(ctx, c); err != nil || n.Selected != 10 || b.size(t, ctx) != 20 {
		t.Errorf("dry run: %+v, %v", n, err)
	}
	c.DryRun = false
	if n, err := b.Drop(ctx, c); err != nil || n.Done != 10 || b.size(t, ctx) != 10 {
		t.Errorf("%+v, %v", n, err)
	}
	if list := audits(t, ctx, js); len(list) != 2 || list[0].Action != "drop" {
		t.Errorf("%+v", list)
	}
}

func TestWhatCannotBeKeptInTheAuditIsNotDone(t *testing.T) {
	t.Parallel()
	ctx, js, b := fill(t, 3)
	if err := stream.EnsureAudit(ctx, js, stream.Config{StreamReplicas: 1}, quiet()); err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(ctx, stream.Audit)
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.CachedInfo().Config
	cfg.Discard, cfg.MaxBytes = jetstream.DiscardNew, 1
	if _, err := js.UpdateStream(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Drop(ctx, Change{Log: quiet()}); err == nil || b.size(t, ctx) != 3 {
		t.Errorf("%d letters are left: %v", b.size(t, ctx), err)
	}
}

func TestALetterReadsAsItWasWritten(t *testing.T) {
	t.Parallel()
	l := letter(7, 3)
	l.Reason = "one line"
	l.First, l.Last = l.First.UTC(), l.Last.UTC()
	msg := l.Msg()
	got, err := Parse(msg.Subject, msg.Header, msg.Data)
	if err != nil || fmt.Sprint(got) != fmt.Sprint(l) {
		t.Errorf("got  %+v\nwant %+v: %v", got, l, err)
	}
	if _, err := Parse("lm.dead.main", nil, nil); err == nil {
		t.Error("a letter without an address")
	}
}

func TestOnlyTheEntryThatWasReadIsReplaced(t *testing.T) {
	t.Parallel()
	ctx, js, dead := open(t)
	l := letter(7, 3)
	ack, err := js.PublishMsg(ctx, l.Msg())
	if err != nil {
		t.Fatal(err)
	}
	l.Attempts = 2
	if err := Replace(ctx, js, l, ack.Sequence); err != nil {
		t.Fatal(err)
	}
	l.Attempts = 3
	if err := Replace(ctx, js, l, ack.Sequence); !errors.Is(err, ErrGone) {
		t.Errorf("got %v", err)
	}
	msg, err := dead.GetLastMsgForSubject(ctx, l.Subject())
	if err != nil || msg.Header.Get("Lm-Attempts") != "2" {
		t.Errorf("%v, %v", msg, err)
	}
}
