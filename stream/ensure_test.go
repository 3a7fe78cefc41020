package stream_test

import (
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"

	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

func quiet() logrus.FieldLogger {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return log
}

func settings() stream.Config {
	return stream.Config{Subject: "app.logs", StreamReplicas: 1, StreamMaxBytes: 1 << 30, DuplicateWindow: time.Minute, WhenFull: stream.WhenFullRefuse}
}

// warnings are the log's lines of level warning, with their fields.
func warnings(t *testing.T, hook *logtest.Hook) (lines []string) {
	t.Helper()
	for _, e := range hook.AllEntries() {
		if e.Level == logrus.WarnLevel {
			line, err := e.String()
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, line)
		}
	}
	return lines
}

func exitCode(err error) int {
	var coded interface{ ExitCode() int }
	if errors.As(err, &coded) {
		return coded.ExitCode()
	}
	return 0
}

func TestStreamIsCreatedOnceByAnyNumberOfPrograms(t *testing.T) {
	t.Parallel()
	_, js := streamtest.New(t)
	ctx := streamtest.Context(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			cfg := settings()
			cfg.StreamMaxBytes += int64(i) // programs may disagree
			if name, err := stream.Ensure(ctx, js, cfg, quiet()); err != nil || name != "app_logs" {
				t.Errorf("%q, %v", name, err)
			}
		})
	}
	wg.Wait()
	s, err := js.Stream(ctx, "app_logs")
	if err != nil {
		t.Fatal(err)
	}
	c := s.CachedInfo().Config
	if c.Discard != jetstream.DiscardNew || c.MaxAge != 0 || c.Retention != jetstream.LimitsPolicy || c.Storage != jetstream.FileStorage || c.Duplicates != time.Minute {
		t.Errorf("created as %+v", c)
	}
}

func TestExistingStreamIsUsedAsItIs(t *testing.T) {
	t.Parallel()
	_, js := streamtest.New(t)
	ctx := streamtest.Context(t)
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "THEIRS", Subjects: []string{"app.>"}, MaxAge: time.Hour}); err != nil {
		t.Fatal(err)
	}
	log, hook := logtest.NewNullLogger()
	name, err := stream.Ensure(ctx, js, settings(), log)
	if err != nil || name != "THEIRS" {
		t.Fatalf("%q, %v", name, err)
	}
	warned := strings.Join(warnings(t, hook), "")
	for _, want := range []string{"THEIRS", "max_age is 1h0m0s, wanted 0s", "discard is"} {
		if !strings.Contains(warned, want) {
			t.Errorf("warned %q, want %q in it", warned, want)
		}
	}
	s, err := js.Stream(ctx, "THEIRS")
	if err != nil || s.CachedInfo().Config.MaxAge != time.Hour {
		t.Errorf("changed: %v", err)
	}
}

func TestWildcardIsNoPlaceToStore(t *testing.T) {
	t.Parallel()
	_, js := streamtest.New(t)
	for subject, wild := range map[string]bool{"app.*": true, "app.>": true, ">": true, "app.logs": false, "app.a*b": false} {
		cfg := stream.PublishConfig{Config: settings()}
		cfg.Subject = subject
		if err := cfg.Validate(); (err != nil) != wild || wild && !strings.HasPrefix(err.Error(), "SUBJECT="+subject+": expected one subject") {
			t.Errorf("%s: %v", subject, err)
		}
		if _, err := stream.Ensure(streamtest.Context(t), js, cfg.Config, quiet()); (exitCode(err) == 78) != wild {
			t.Errorf("%s: %v", subject, err)
		}
	}
}

// What would be refused in the next step must not be there for the next start.
func TestNoStreamIsMadeThatIsNotAsDurableAsRequired(t *testing.T) {
	t.Parallel()
	_, js := streamtest.New(t)
	for want, change := range map[string]func(*stream.Config){
		"it has 1 replica": func(c *stream.Config) { c.RequireDurability = stream.Replicated },
		"discard old":      func(c *stream.Config) { c.RequireDurability, c.WhenFull = stream.Fsynced, stream.WhenFullExpire },
	} {
		cfg := settings()
		change(&cfg)
		if _, err := stream.Ensure(streamtest.Context(t), js, cfg, quiet()); exitCode(err) != 78 || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s and exit code 78", err, want)
		}
	}
	if names, err := stream.Holding(streamtest.Context(t), js, settings().Subject); err != nil || len(names) > 0 {
		t.Errorf("%v, %v: a stream was made", names, err)
	}
}

func TestNameThatStandsForOtherSubjectsIsRefused(t *testing.T) {
	t.Parallel()
	_, js := streamtest.New(t)
	ctx := streamtest.Context(t)
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "app_logs", Subjects: []string{"other"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Ensure(ctx, js, settings(), quiet()); exitCode(err) != 78 || !strings.Contains(err.Error(), "app_logs") {
		t.Errorf("%v", err)
	}
}

func TestSizeIsHalvedUntilTheStoreHasRoom(t *testing.T) {
	t.Parallel()
	_, js := streamtest.New(t, streamtest.MaxStore(100<<20))
	ctx := streamtest.Context(t)
	log, hook := logtest.NewNullLogger()
	if _, err := stream.Ensure(ctx, js, settings(), log); err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(ctx, "app_logs")
	if err != nil || s.CachedInfo().Config.MaxBytes != 64<<20 {
		t.Errorf("%d bytes, want 64 MiB of the 100 there are (%v)", s.CachedInfo().Config.MaxBytes, err)
	}
	if n := len(warnings(t, hook)); n != 4 {
		t.Errorf("%d warnings, want one a halving", n)
	}
	kv, err := stream.EnsureState(ctx, js, settings(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.PutString(ctx, "ledger.a.b", "x"); err != nil {
		t.Error(err)
	}
	err = stream.EnsureLedger(ctx, js, settings(), quiet())
	if exitCode(err) != 69 || !strings.Contains(err.Error(), "LM_LEDGER") {
		t.Errorf("no room even for 16 MiB: %v", err)
	}
}

func TestDeadLetterIsStoredOnceUnlessRolledUp(t *testing.T) {
	t.Parallel()
	_, js := streamtest.New(t)
	ctx := streamtest.Context(t)
	main, err := stream.Ensure(ctx, js, settings(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second finds it
		name, err := stream.EnsureDead(ctx, js, main, settings(), quiet())
		if err != nil || name != "app_logs_DEAD" {
			t.Fatalf("%q, %v", name, err)
		}
	}
	subject := stream.DeadSubject(main, "es", 1, 2, 3)
	if _, err := js.Publish(ctx, subject, []byte("a")); err != nil {
		t.Fatal(err)
	}
	var api *jetstream.APIError
	if _, err := js.Publish(ctx, subject, []byte("b")); !errors.As(err, &api) || api.ErrorCode != 10077 || !strings.Contains(api.Description, "maximum messages per subject exceeded") {
		t.Errorf("stored twice: %v", err)
	}
	if _, err := js.PublishMsg(ctx, &nats.Msg{Subject: subject, Data: []byte("c"), Header: nats.Header{stream.HeaderRollup: {"sub"}}}); err != nil {
		t.Errorf("not replaced: %v", err)
	}
	s, err := js.Stream(ctx, "app_logs_DEAD")
	if err != nil || s.CachedInfo().State.Msgs != 1 || s.CachedInfo().Config.MaxBytes != (1<<30)/10 {
		t.Errorf("%+v (%v)", s.CachedInfo(), err)
	}
}

func TestHoldingLeavesOutOurOwnStreams(t *testing.T) {
	t.Parallel()
	_, js := streamtest.New(t)
	ctx := streamtest.Context(t)
	names, err := stream.Holding(ctx, js, ">")
	if err != nil || len(names) != 0 {
		t.Fatalf("%v, %v", names, err)
	}
	for _, subject := range []string{"app.logs", "app.audit"} {
		cfg := settings()
		cfg.Subject = subject
		main, err := stream.Ensure(ctx, js, cfg, quiet())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream.EnsureDead(ctx, js, main, cfg, quiet()); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(stream.EnsureLedger(ctx, js, settings(), quiet()), stream.EnsureReplay(ctx, js, settings(), quiet())); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.EnsureState(ctx, js, settings(), quiet()); err != nil {
		t.Fatal(err)
	}
	for subject, want := range map[string]string{">": "app_audit app_logs", "app.*": "app_audit app_logs", "app.logs": "app_logs", "x": ""} {
		names, err := stream.Holding(ctx, js, subject)
		if got := strings.Join(names, " "); err != nil || got != want {
			t.Errorf("%s is held by %q (%v), want %q", subject, got, err, want)
		}
	}
}

func TestForbiddenRequestIsToldFromASilentBroker(t *testing.T) {
	t.Parallel()
	server := streamtest.Server(t, streamtest.Extra(`authorization { users = [
		{user: hub, password: p, permissions: {publish: {deny: "$JS.API.>"}}}
	] }`))
	js := streamtest.JetStream(t, streamtest.Connect(t, server, nats.UserInfo("hub", "p")))
	if _, err := stream.Ensure(streamtest.Context(t), js, settings(), quiet()); !errors.Is(err, stream.ErrForbidden) {
		t.Errorf("%v", err)
	}
}
