package stream

import (
	"cmp"
	"math"
	"slices"

	"github.com/nats-io/nats.go/jetstream"
)

// This file decides, without asking anyone, what may leave a stream.

// trimTo is the share of its size, in percent, down to which a stream is trimmed.
const trimTo = 80

// fullAt is the share, in percent, from which a stream counts as about to refuse.
// The smallest one, of 16 MiB, refuses a block of 1 MiB from 94 % on.
const fullAt = 90

// Floor is up to where a group has settled a stream.
type Floor struct {
	Group string
	Seq   uint64 // all up to and including it is settled
}

// Floors lists the floors of all groups, the lowest first. Consumers without a
// durable name are no groups.
//
// Only the acknowledgement floor is believed, which a quorum has stored, and the
// sequence the group was created to begin with. That nothing is pending and nothing
// unacknowledged proves nothing: the leader of a replicated consumer counts what is
// pending by its own copy of the stream, which may lag behind the one that state is
// of, and a new leader says 0 of both before it has read its own state (nats-server
// 2.15, checkNumPending and setLeader).
func Floors(state jetstream.StreamState, consumers []*jetstream.ConsumerInfo) []Floor {
	var list []Floor
	for _, c := range consumers {
		if c.Config.Durable == "" {
			continue
		}
		settled := max(c.AckFloor.Stream, max(c.Config.OptStartSeq, 1)-1)
		f := Floor{Group: c.Name, Seq: min(settled, state.LastSeq)}
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b Floor) int {
		return cmp.Or(cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.Group, b.Group))
	})
	return list
}

// oversize is the last sequence that must go so that the stream shrinks to
// trimTo percent of maxBytes, by the mean size of its messages; 0 when none
// must. Repeated, it gets there whatever the sizes are.
func oversize(state jetstream.StreamState, maxBytes int64) uint64 {
	if maxBytes <= 0 || state.Msgs == 0 {
		return 0
	}
	target := uint64(maxBytes) / 100 * trimTo
	if state.Bytes <= target {
		return 0
	}
	mean := float64(state.Bytes) / float64(state.Msgs)
	n := uint64(math.Ceil(float64(state.Bytes-target) / mean))
	return min(state.FirstSeq+n-1, state.LastSeq)
}

// purgeBelow is the sequence below which all is purged, 0 when nothing is: what
// size or age ask for, but never beyond what every group has settled. Without a
// group everything is kept. aged is the last sequence older than the age limit.
func purgeBelow(state jetstream.StreamState, maxBytes int64, aged uint64, groups []Floor) uint64 {
	wanted := max(oversize(state, maxBytes), aged)
	if len(groups) == 0 || wanted == 0 {
		return 0
	}
	last := min(groups[0].Seq, wanted)
	if last < state.FirstSeq {
		return 0
	}
	return last + 1
}

// full says whether a stream is about to refuse, or does so already.
func full(state jetstream.StreamState, maxBytes int64) bool {
	return maxBytes > 0 && state.Bytes >= uint64(maxBytes)/100*fullAt
}
