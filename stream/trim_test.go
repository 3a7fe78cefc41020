package stream

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

func durable(name string, floor, pending uint64, unacked int) *jetstream.ConsumerInfo {
	return &jetstream.ConsumerInfo{
		Name: name, Config: jetstream.ConsumerConfig{Durable: name},
		AckFloor: jetstream.SequenceInfo{Stream: floor}, NumPending: pending, NumAckPending: unacked,
	}
}

// handed makes the last message that a consumer was given the one at seq.
func handed(c *jetstream.ConsumerInfo, seq uint64) *jetstream.ConsumerInfo {
	c.Delivered.Stream = seq
	return c
}

// from makes the group one that began at seq.
func from(seq uint64, c *jetstream.ConsumerInfo) *jetstream.ConsumerInfo {
	c.Config.OptStartSeq = seq
	return c
}

func TestOnlyWhatEveryGroupHasSettledIsPurged(t *testing.T) {
	t.Parallel()
	// 100 messages of 1,000 bytes, sequences 101 to 200.
	state := jetstream.StreamState{FirstSeq: 101, LastSeq: 200, Msgs: 100, Bytes: 100_000}
	ephemeral := durable("watcher", 0, 5, 0)
	ephemeral.Config.Durable = ""
	for _, c := range []struct {
		name      string
		maxBytes  int64
		aged      uint64
		consumers []*jetstream.ConsumerInfo
		below     uint64
	}{
		{"small and young", 1 << 30, 0, []*jetstream.ConsumerInfo{durable("a", 200, 0, 0)}, 0},
		{"size: down to 80 percent", 100_000, 0, []*jetstream.ConsumerInfo{durable("a", 200, 0, 0)}, 121},
		{"size, no limit", -1, 0, []*jetstream.ConsumerInfo{durable("a", 200, 0, 0)}, 0},
		{"size, one group behind", 100_000, 0, []*jetstream.ConsumerInfo{durable("a", 200, 0, 0), durable("b", 110, 80, 10)}, 111},
		{"size, one group stuck", 100_000, 0, []*jetstream.ConsumerInfo{durable("a", 200, 0, 0), durable("b", 50, 100, 0)}, 0},
		{"size, acknowledged but for the first", 100_000, 0, []*jetstream.ConsumerInfo{durable("a", 100, 0, 1)}, 0},
		{"age", 1 << 30, 150, []*jetstream.ConsumerInfo{durable("a", 200, 0, 0)}, 151},
		{"age, unsettled", 1 << 30, 150, []*jetstream.ConsumerInfo{durable("a", 120, 80, 0)}, 121},
		{"age and size: what asks for more", 100_000, 150, []*jetstream.ConsumerInfo{durable("a", 200, 0, 0)}, 151},
		{"a leader whose stream lags behind", 100_000, 0, []*jetstream.ConsumerInfo{handed(durable("a", 110, 0, 0), 110)}, 111},
		{"a leader that has not read its own state", 100_000, 0, []*jetstream.ConsumerInfo{handed(durable("a", 110, 0, 0), 200)}, 111},
		{"a leader that knows nothing yet", 100_000, 0, []*jetstream.ConsumerInfo{durable("a", 0, 0, 0)}, 0},
		{"a group that began at 171 and has settled nothing", 1 << 30, 190, []*jetstream.ConsumerInfo{from(171, durable("a", 0, 30, 0))}, 171},
		{"no group", 100_000, 200, nil, 0},
		{"only an ephemeral consumer", 100_000, 200, []*jetstream.ConsumerInfo{ephemeral}, 0},
		{"an ephemeral consumer holds nothing", 100_000, 0, []*jetstream.ConsumerInfo{ephemeral, durable("a", 200, 0, 0)}, 121},
		{"floor beyond what was asked first", 1 << 30, 200, []*jetstream.ConsumerInfo{durable("a", 205, 1, 0)}, 201},
	} {
		if got := purgeBelow(state, c.maxBytes, c.aged, Floors(state, c.consumers)); got != c.below {
			t.Errorf("%s: purges below %d, want %d", c.name, got, c.below)
		}
	}
	if got := purgeBelow(jetstream.StreamState{FirstSeq: 201, LastSeq: 200}, 1000, 0, []Floor{{"a", 200}}); got != 0 {
		t.Errorf("empty stream: purges below %d", got)
	}
}

func TestGroupsAreNamedLowestFirst(t *testing.T) {
	t.Parallel()
	state := jetstream.StreamState{FirstSeq: 1, LastSeq: 100, Msgs: 100}
	list := Floors(state, []*jetstream.ConsumerInfo{durable("c", 50, 1, 0), durable("b", 20, 1, 0), durable("a", 50, 1, 0)})
	if list[0].Group != "b" || list[1].Group != "a" || list[2].Group != "c" {
		t.Errorf("%v", list)
	}
	if n := held(state, list[0]); n != 80 {
		t.Errorf("b holds %d messages, want 80", n)
	}
	if n := held(state, Floor{"x", 100}); n != 0 {
		t.Errorf("a group that settled all holds %d messages", n)
	}
}
