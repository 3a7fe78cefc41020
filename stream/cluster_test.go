package stream_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/internal/freeport"
	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

// cluster starts three server processes that replicate to each other, by name.
func cluster(t *testing.T) map[string]*streamtest.Process {
	t.Helper()
	routes := []string{freeport.Addr(), freeport.Addr(), freeport.Addr()}
	servers := make(map[string]*streamtest.Process)
	for i, route := range routes {
		name := fmt.Sprint("n", i)
		servers[name] = streamtest.NewProcess(t, streamtest.Extra(fmt.Sprintf(
			`server_name: %s, cluster { name: c, listen: %q, routes: ["nats://%s"] }`, name, route, strings.Join(routes, `", "nats://`))))
	}
	return servers
}

// The server's list of consumers leaves out one whose leader does not answer, and
// calls that a success. Taking it for the whole list would let everything go that
// only this group has not settled.
func TestNothingIsTrimmedWhileAGroupHasNoLeader(t *testing.T) {
	t.Parallel()
	servers := cluster(t)
	connect := func(without string) jetstream.JetStream {
		t.Helper()
		for name, s := range servers {
			if name == without {
				continue
			}
			nc, err := nats.Connect(s.URL, nats.Timeout(streamtest.Timeout), nats.MaxReconnects(-1))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(nc.Close)
			return streamtest.JetStream(t, nc)
		}
		return nil
	}
	js := connect("")
	var s jetstream.Stream
	streamtest.Eventually(t, "the cluster makes a stream", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second) // without a leader nobody answers
		defer cancel()
		var err error
		s, err = js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: "s", Subjects: []string{"s"}, Replicas: 3, MaxBytes: 1 << 20, Discard: jetstream.DiscardNew})
		return err == nil
	})
	ctx := streamtest.Context(t)
	const blocks = 15
	for range blocks {
		if _, err := js.Publish(ctx, "s", make([]byte, 64<<10)); err != nil {
			t.Fatal(err)
		}
	}
	group := func(name string, replicas, settled int) jetstream.Consumer {
		t.Helper()
		c, err := s.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: name, Replicas: replicas, AckPolicy: jetstream.AckExplicitPolicy,
			DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: 1})
		if err != nil {
			t.Fatal(err)
		}
		for range settled {
			streamtest.Eventually(t, "group "+name+" settles a block", func() bool {
				m, err := c.Next(jetstream.FetchMaxWait(time.Second)) // its leader may have to be elected
				return err == nil && m.DoubleAck(ctx) == nil
			})
		}
		return c
	}
	group("far", 3, blocks)
	info, err := group("back", 1, 2).Info(ctx)
	if err != nil {
		t.Fatal(err)
	}

	leader := info.Cluster.Leader
	servers[leader].Pause()
	js = connect(leader)
	begins := func() uint64 {
		t.Helper()
		s, err := js.Stream(streamtest.Context(t), "s")
		if err != nil {
			t.Fatal(err)
		}
		return s.CachedInfo().State.FirstSeq
	}
	trimmer := stream.NewTrimmer(js, "s", 0, quiet(), nil)
	for end := time.Now().Add(time.Minute); ; { // the stream, too, may need a new leader first
		err := trimmer.Trim(t.Context())
		if err != nil && strings.Contains(err.Error(), "back") {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("not told that nothing is known of the group: %v", err)
		}
	}
	if n := begins(); n > 3 {
		t.Errorf("the stream begins at %d: blocks from 3 on are not settled by a group, and gone", n)
	}

	servers[leader].Resume()
	// A new leader may not know yet what is settled: then a look trims nothing, or less.
	for end := time.Now().Add(time.Minute); ; {
		err := trimmer.Trim(t.Context())
		n := begins()
		if n > 3 {
			t.Fatalf("the stream begins at %d, want 3: two blocks are settled by both groups", n)
		}
		if n == 3 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the stream begins at %d, though every group has a leader again and two blocks are settled by both (%v)", n, err)
		}
	}
}
