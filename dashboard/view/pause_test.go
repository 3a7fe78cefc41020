package view

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/dashboard"
	"lagermeister/deadletter"
	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

func TestAPauseIsSeenAtOnceAndKeptWithWhoAskedForIt(t *testing.T) {
	t.Parallel()
	nc, js := filled(t)
	ctx := streamtest.Context(t)
	v := New(nc, js)
	if g := read(t, v).Streams[0].Groups[0]; g.Paused || g.PausedUntil != nil {
		t.Fatalf("%+v", g)
	}
	p, until := v.Pauser(quiet()), time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	if err := p.Pause(ctx, "logs", "es", until, "tester"); err != nil {
		t.Fatal(err)
	}
	if g := read(t, v).Streams[0].Groups[0]; !g.Paused || g.PausedUntil == nil || !g.PausedUntil.Equal(until) || g.Pending != 2 {
		t.Errorf("%+v", g)
	}
	if err := p.Pause(ctx, "logs", "es", time.Time{}, "tester"); err != nil {
		t.Fatal(err)
	}
	if g := read(t, v).Streams[0].Groups[0]; g.Paused || g.PausedUntil != nil {
		t.Errorf("%+v", g)
	}
	list, err := deadletter.Audits(ctx, js, 10)
	if err != nil || len(list) != 4 {
		t.Fatalf("%v: %+v", err, list)
	}
	for i, want := range []struct{ action, state string }{{"resume", "done"}, {"resume", "begun"}, {"pause", "done"}, {"pause", "begun"}} {
		filter, _ := list[i].Filter.(map[string]any)
		if a := list[i]; a.Action != want.action || a.State != want.state || a.Who != "tester" || a.Stream != "logs" || filter["group"] != "es" {
			t.Errorf("entry %d: %+v", i, a)
		}
		if said := filter["until"]; want.action == "pause" && said != until.Format(time.RFC3339) || want.action == "resume" && said != nil {
			t.Errorf("entry %d: until %v", i, said)
		}
	}
}

func TestAPauseThatNATSForbidsSaysSoAndIsKeptAsFailed(t *testing.T) {
	t.Parallel()
	server := streamtest.Server(t, streamtest.Extra(`authorization { users = [
		{user: all, password: p}
		{user: dashboard, password: p, permissions: {publish: {deny: "$JS.API.CONSUMER.PAUSE.>"}}}
	]}`))
	ctx := streamtest.Context(t)
	js := streamtest.JetStream(t, streamtest.Connect(t, server, nats.UserInfo("all", "p")))
	fill(t, js)
	nc := streamtest.Connect(t, server, nats.UserInfo("dashboard", "p"))
	v := New(nc, streamtest.JetStream(t, nc))
	if err := v.Pauser(quiet()).Pause(ctx, "logs", "es", time.Now().Add(time.Hour), "tester"); !errors.Is(err, stream.ErrForbidden) {
		t.Error(err)
	}
	if g := read(t, v).Streams[0].Groups[0]; g.Paused {
		t.Errorf("%+v", g)
	}
	if list, err := deadletter.Audits(ctx, js, 1); err != nil || len(list) != 1 || list[0].State != "failed" || list[0].Error == "" {
		t.Errorf("%v: %+v", err, list)
	}
}

func TestOnlyGroupsOfTheReportCanBePaused(t *testing.T) {
	t.Parallel()
	nc, js := filled(t)
	ctx := streamtest.Context(t)
	for name, cfg := range map[string]jetstream.ConsumerConfig{
		"logs":        {Name: "passing", AckPolicy: jetstream.AckExplicitPolicy, InactiveThreshold: time.Hour},
		stream.Ledger: {Durable: "folder", AckPolicy: jetstream.AckExplicitPolicy},
	} {
		if _, err := js.CreateConsumer(ctx, name, cfg); err != nil {
			t.Fatal(err)
		}
	}
	p := New(nc, js).Pauser(quiet())
	for _, of := range [][2]string{{"logs", "passing"}, {stream.Ledger, "folder"}, {"logs", "none"}, {"none", "es"}, {"logs", ""}, {"", ""}, {"*", "es"}, {"logs", ">"}} {
		if err := p.Pause(ctx, of[0], of[1], time.Now().Add(time.Hour), "tester"); !errors.Is(err, dashboard.ErrNoGroup) {
			t.Errorf("%q: %v", of, err)
		}
	}
	if list, err := deadletter.Audits(ctx, js, 10); err != nil || len(list) != 0 {
		t.Errorf("%v: %+v", err, list)
	}
}
