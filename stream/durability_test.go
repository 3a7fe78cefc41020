package stream_test

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	logtest "github.com/sirupsen/logrus/hooks/test"

	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

func TestDurabilityIsWarnedOfOrRequired(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		d       stream.Durability
		weak    string // what the warning says; empty: no warning
		refused string // by REQUIRE_DURABILITY values
	}{
		{"one copy, lazy", stream.Durability{Replicas: 1, FsyncBy: "no answer"}, "BROKER_FSYNC", "replicated fsynced"},
		{"one copy, fsynced", stream.Durability{Replicas: 1, Fsync: true}, "", "replicated"},
		{"three copies, lazy", stream.Durability{Replicas: 3, FsyncBy: "asked"}, "", "fsynced"},
		{"three copies, fsynced", stream.Durability{Replicas: 3, Fsync: true}, "", ""},
		{"discard old", stream.Durability{Replicas: 3, Fsync: true, Loses: []string{"discard old"}}, "discard old", "replicated fsynced"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if weak := strings.Join(c.d.Weak(), " "); (weak == "") != (c.weak == "") || !strings.Contains(weak, c.weak) {
				t.Errorf("warns %q, want %q", weak, c.weak)
			}
			for _, required := range []string{stream.Replicated, stream.Fsynced} {
				if refused := c.d.Refusal(required) != ""; refused != strings.Contains(c.refused, required) {
					t.Errorf("%s: refused %v", required, refused)
				}
			}
			if c.d.Refusal("") != "" {
				t.Error("refused though nothing is required")
			}
		})
	}
}

func TestFsyncIsAskedOfTheServers(t *testing.T) {
	t.Parallel()
	// Only the system account may ask, unless it lets others.
	const accounts = `system_account: SYS
		accounts: {
			SYS: { users: [{user: sys, password: p}], exports: [{service: "$SYS.REQ.SERVER.PING.JSZ", response: stream}] }
			LOGS: { jetstream: enabled, users: [{user: logs, password: p}], imports: [{service: {account: SYS, subject: "$SYS.REQ.SERVER.PING.JSZ"}}] }
		}`
	for always, opts := range map[bool][]streamtest.Option{
		true:  {streamtest.Extra(accounts), streamtest.SyncAlways},
		false: {streamtest.Extra(accounts)},
	} {
		js := streamtest.JetStream(t, streamtest.Connect(t, streamtest.Server(t, opts...), nats.UserInfo("logs", "p")))
		ctx := streamtest.Context(t)
		name, err := stream.Ensure(ctx, js, settings(), quiet())
		if err != nil {
			t.Fatal(err)
		}
		var d stream.Durability
		streamtest.Eventually(t, "an answer within the time for one", func() bool {
			if d, err = stream.AskDurability(ctx, js, name, settings()); err != nil {
				t.Fatal(err)
			}
			return d.FsyncBy == "asked"
		})
		if d.Fsync != always {
			t.Errorf("sync always %v: %+v", always, d)
		}
	}
}

func TestServerThatDoesNotTellCountsAsLazy(t *testing.T) {
	t.Parallel()
	_, js := streamtest.New(t, streamtest.SyncAlways)
	ctx := streamtest.Context(t)
	cfg := settings()
	name, err := stream.Ensure(ctx, js, cfg, quiet())
	if err != nil {
		t.Fatal(err)
	}
	log, hook := logtest.NewNullLogger()
	if err := stream.CheckDurability(ctx, js, name, cfg, log); err != nil || len(warnings(t, hook)) != 1 {
		t.Errorf("%v, warnings %v, want one", err, warnings(t, hook))
	}
	cfg.RequireDurability = stream.Fsynced
	if err := stream.CheckDurability(ctx, js, name, cfg, log); exitCode(err) != 78 || !strings.Contains(err.Error(), "BROKER_FSYNC=true") {
		t.Errorf("%v", err)
	}
	hook.Reset()
	cfg.BrokerFsync = true
	if err := stream.CheckDurability(ctx, js, name, cfg, log); err != nil || len(warnings(t, hook)) != 0 {
		t.Errorf("declared: %v, warnings %v", err, warnings(t, hook))
	}
}

func TestStreamThatDropsRecordsIsNamed(t *testing.T) {
	t.Parallel()
	_, js := streamtest.New(t)
	ctx := streamtest.Context(t)
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "m", Subjects: []string{"m"}, Storage: jetstream.MemoryStorage, MaxAge: 1e12, MaxBytes: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	cfg := settings()
	cfg.BrokerFsync = true
	d, err := stream.AskDurability(ctx, js, "m", cfg)
	if err != nil || len(d.Loses) != 3 {
		t.Errorf("%+v, %v, want memory, discard old and max_age", d, err)
	}
}
