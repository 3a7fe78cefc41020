package e2e

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/internal/freeport"
	"lagermeister/internal/natsserver"
	"lagermeister/internal/pipeline"
	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

// hubUsers are an operator, and a relay that may do nothing but publish.
const hubUsers = `authorization { users = [
	{user: operator, password: secret}
	{user: relay, password: secret, permissions: {publish: ["all.logs"], subscribe: ["_INBOX.>"]}}
]}`

// hub is a NATS server that can be away.
type hub struct {
	addr, dir string
	server    *natsserver.Server
}

func newHub(t *testing.T) *hub { return &hub{addr: freeport.Addr(), dir: t.TempDir()} }

func (h *hub) start(t *testing.T) jetstream.JetStream {
	t.Helper()
	h.server = streamtest.Server(t, streamtest.Addr(h.addr), streamtest.Store(h.dir), streamtest.Extra(hubUsers))
	return streamtest.JetStream(t, streamtest.Connect(t, h.server, nats.UserInfo("operator", "secret")))
}

// forward lets a relay forward to the hub as user.
func (h *hub) forward(user string) func(*pipeline.Settings) {
	return func(s *pipeline.Settings) {
		s.Hub = pipeline.Hub{URL: "nats://" + h.addr, Subject: "all.logs", User: user, Password: "secret"}
	}
}

func createStream(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	_, err := js.CreateStream(streamtest.Context(t), jetstream.StreamConfig{Name: "HUB", Subjects: []string{"all.*"}})
	if err != nil {
		t.Fatal(err)
	}
}

// blocks lists the blocks of a stream by id.
func blocks(t *testing.T, js jetstream.JetStream, name string) map[string]string {
	t.Helper()
	ctx := streamtest.Context(t)
	s, err := js.Stream(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for seq := range s.CachedInfo().State.LastSeq {
		m, err := s.GetMsg(ctx, seq+1)
		if err != nil {
			t.Fatal(err)
		}
		id := m.Header.Get(stream.HeaderMsgID)
		if _, twice := all[id]; twice || id == "" {
			t.Errorf("stream %s, sequence %d: id %q is empty or there twice", name, seq+1, id)
		}
		all[id] = fmt.Sprintf("%s records cut %s: %x", m.Header.Get(stream.HeaderRecords), m.Header.Get(stream.HeaderCut), m.Data)
	}
	return all
}

// sameAt waits until the hub has as many blocks as the relay and compares them.
func sameAt(t *testing.T, js jetstream.JetStream, r *relay) {
	t.Helper()
	eventually(t, "the hub has every block", func() bool {
		s, err := js.Stream(streamtest.Context(t), "HUB")
		return err == nil && s.CachedInfo().State.Msgs >= r.state(t).Msgs
	})
	at, want := blocks(t, js, "HUB"), blocks(t, r.js, streamName)
	for id, block := range want {
		if at[id] != block {
			t.Errorf("block %s at the hub: %.100q, expected %.100q", id, at[id], block)
		}
	}
	if len(at) != len(want) {
		t.Errorf("the hub has %d blocks, the relay %d", len(at), len(want))
	}
}

func TestARelayForwardsItsBlocksWithNoMoreThanTheRightToPublish(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	r := start(t, h.forward("relay"))
	for n := range 20 {
		r.send(t, frame(n, 300), 1000)
	}
	r.documents(t, 20) // while there is no hub

	js := h.start(t)
	createStream(t, js)
	sameAt(t, js, r)

	h.server.Shutdown()
	for n := range 20 {
		r.send(t, frame(20+n, 300), 1000)
	}
	r.documents(t, 40)
	js = h.start(t)
	sameAt(t, js, r)
	c, err := r.js.Consumer(streamtest.Context(t), streamName, "hub")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the group hub has settled everything", func() bool {
		info, err := c.Info(streamtest.Context(t))
		return err == nil && info.AckFloor.Stream == r.state(t).LastSeq
	})
}

// A relay never decides what streams a hub has.
func TestARelayWaitsForTheStreamOfItsHub(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	js := h.start(t)
	r := start(t, h.forward("operator"))
	r.send(t, frame(1, 300), 1000)
	r.documents(t, 1)
	eventually(t, "the hub is asked to store the block", func() bool {
		return r.metric(t, "lagermeister_publisher_failed_sends_total", "part", "hub") > 2
	})
	for name := range js.StreamNames(streamtest.Context(t)).Name() {
		t.Errorf("the relay has created stream %s at its hub", name)
	}
	createStream(t, js)
	sameAt(t, js, r)
}
