package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

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

func TestDoctorSaysHowToDeclareWhatABrokerDoesNotTell(t *testing.T) {
	s := streamtest.Server(t, streamtest.SyncAlways) // as in local_relay
	ensure(t, streamtest.JetStream(t, streamtest.Connect(t, s)), "logs")
	t.Setenv("CTL_NATS_URL", s.ClientURL())
	t.Setenv("CTL_SUBJECT", "logs")
	if out, _, _ := lagerCtl(nil, "doctor"); !strings.Contains(out, "fix: CTL_BROKER_FSYNC=true where that is declared rightly, as for a local_relay; else sync_interval: always") {
		t.Error(out)
	}
}

func TestDoctorFindsWhatIsWrongAndNamesItsFix(t *testing.T) {
	s := streamtest.Server(t, streamtest.MaxPayload(256<<10))
	js := streamtest.JetStream(t, streamtest.Connect(t, s))
	ctx := streamtest.Context(t)
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "bad", Subjects: []string{"logs"}, MaxBytes: 1 << 20, MaxAge: time.Hour, Discard: jetstream.DiscardOld, Storage: jetstream.MemoryStorage,
		RePublish: &jetstream.RePublish{Source: "logs", Destination: "elsewhere"}}); err != nil {
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
		"WARN  stream bad republishes to elsewhere",
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

func TestDoctorNamesReplicasThatAreBehind(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	x := examination{out: &out, counts: make(map[string]int)}
	x.replicas(&jetstream.StreamInfo{Config: jetstream.StreamConfig{Name: "s"}, Cluster: &jetstream.ClusterInfo{
		Leader:   "n1",
		Replicas: []*jetstream.PeerInfo{{Name: "n2", Current: true}, {Name: "n3", Offline: true}, {Name: "n4", Lag: 7}},
	}})
	x.replicas(&jetstream.StreamInfo{Config: jetstream.StreamConfig{Name: "t"}, Cluster: &jetstream.ClusterInfo{}})
	x.replicas(&jetstream.StreamInfo{Config: jetstream.StreamConfig{Name: "u"}})
	for _, want := range []string{"WARN  stream s: replica n3 is offline", "WARN  stream s: replica n4 is 7 operations behind", "FAIL  stream t has no leader"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("nothing about %q in\n%s", want, out.String())
		}
	}
	if x.counts[warn]+x.counts[fail] != 3 {
		t.Errorf("more than that: %s", out.String())
	}
}
