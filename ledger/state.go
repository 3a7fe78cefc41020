package ledger

import (
	"math"
	"slices"
)

// Sums are the outcomes of all settled records of a group. Already and Repaired
// are parts of Delivered. Expired are records of blocks that were never settled,
// are gone from the stream, and are no longer kept as holes in the ranges.
type Sums struct {
	Records   uint64 `json:"records"`
	Delivered uint64 `json:"delivered"`
	Already   uint64 `json:"already"`
	Filtered  uint64 `json:"filtered"`
	Repaired  uint64 `json:"repaired"`
	Dead      uint64 `json:"dead"`
	Expired   uint64 `json:"expired,omitempty"`
}

func (s *Sums) add(b Block) {
	s.Records += b.Records
	s.Delivered += b.Delivered
	s.Already += b.Already
	s.Filtered += b.Filtered
	s.Repaired += b.Repaired
	s.Dead += b.Dead
}

// State is what a group's settlements add up to. It is kept as JSON.
type State struct {
	Epoch    int64    `json:"epoch"`    // creation time of the group's consumer, unix ns
	Applied  uint64   `json:"applied"`  // last sequence of LM_LEDGER that is counted in
	Baseline uint64   `json:"baseline"` // first sequence the group was to get
	Settled  Ranges   `json:"settled"`  // sequences with an outcome
	Moved    []string `json:"moved"`    // dead letters that a replay has delivered, sorted
	Sums     Sums     `json:"sums"`
}

// Restart forgets everything in favour of a newer epoch, which starts at
// baseline (0 when that is not known yet). An older or the same epoch changes
// nothing, but fills in a baseline that was missing.
func (s *State) Restart(epoch int64, baseline uint64) {
	switch {
	case epoch > s.Epoch:
		*s = State{Epoch: epoch, Baseline: baseline, Applied: s.Applied}
	case epoch == s.Epoch && s.Baseline == 0:
		s.Baseline = baseline
	}
}

// Apply counts the settlement message m in, which stands at sequence in
// LM_LEDGER and is of the given epoch. What is older than the state, in either
// sense, is ignored; so is a sequence that is settled and a letter that has moved.
func (s *State) Apply(sequence uint64, epoch int64, m Message) {
	if sequence <= s.Applied {
		return
	}
	s.Restart(epoch, 0)
	s.Applied = sequence
	if epoch < s.Epoch {
		return
	}
	for _, b := range m.Blocks {
		if b.Sequence > 0 && b.Sequence <= math.MaxInt64 && s.Settled.Add(b.Sequence) {
			s.Sums.add(b)
		}
	}
	for _, position := range m.Moved {
		sequence, _, err := ParsePosition(position)
		if err != nil || s.Sums.Dead == 0 || !s.Settled.Has(sequence) {
			continue // no letter of ours
		}
		if insert(&s.Moved, position) {
			s.Sums.Dead--
			s.Sums.Delivered++
		}
	}
}

// closeHoles bounds the number of ranges: of many, the lowest holes among blocks
// below first, which are gone, are closed and counted as expired. Should one of
// them be settled after all, that comes too late: it stays a loss.
func (s *State) closeHoles(first uint64, records func(first, last uint64) uint64) {
	if len(s.Settled) <= maxRanges {
		return
	}
	n := 1 // ranges that become the first one
	for len(s.Settled)-n >= maxRanges/2 && s.Settled[n][0] <= first {
		from, to := s.Settled[n-1][1]+1, s.Settled[n][0]-1
		lost := to - from + 1
		if records != nil {
			lost = records(from, to)
		}
		s.Sums.Expired += lost
		s.Sums.Records += lost
		n++
	}
	s.Settled[n-1][0] = s.Settled[0][0]
	s.Settled = slices.Delete(s.Settled, 0, n-1)
}

// insert puts s into a sorted list and reports whether it was new.
func insert(list *[]string, s string) bool {
	i, found := slices.BinarySearch(*list, s)
	if !found {
		*list = slices.Insert(*list, i, s)
	}
	return !found
}
