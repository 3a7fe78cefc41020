package ledger

import (
	"encoding/json"
	"reflect"
	"testing"
)

func settlement(blocks ...Block) Message { return Message{Blocks: blocks} }

func TestTheFirstSettlementOfABlockWins(t *testing.T) {
	t.Parallel()
	var s State
	s.Apply(1, 5, settlement(Block{Sequence: 10, Records: 3, Delivered: 2, Dead: 1}))
	s.Apply(2, 5, settlement(Block{Sequence: 10, Records: 3, Delivered: 3, Already: 2}, Block{Sequence: 11, Records: 1, Filtered: 1}))
	s.Apply(2, 5, settlement(Block{Sequence: 12, Records: 1, Delivered: 1})) // applied before
	want := State{Epoch: 5, Applied: 2, Settled: Ranges{{10, 11}}, Sums: Sums{Records: 4, Delivered: 2, Filtered: 1, Dead: 1}}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
}

func TestANewerEpochStartsAfreshAndAnOlderOneIsIgnored(t *testing.T) {
	t.Parallel()
	s := State{Epoch: 5, Baseline: 3, Applied: 7, Settled: Ranges{{3, 9}}, Sums: Sums{Records: 7, Delivered: 7}}
	s.Apply(8, 4, settlement(Block{Sequence: 1, Records: 1, Delivered: 1}))
	if s.Applied != 8 || s.Sums.Records != 7 {
		t.Errorf("after an older epoch: %+v", s)
	}
	s.Apply(9, 6, settlement(Block{Sequence: 20, Records: 1, Delivered: 1}))
	s.Restart(6, 20)
	want := State{Epoch: 6, Baseline: 20, Applied: 9, Settled: Ranges{{20, 20}}, Sums: Sums{Records: 1, Delivered: 1}}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
}

func TestAMovedDeadLetterCountsAsDeliveredOnce(t *testing.T) {
	t.Parallel()
	var s State
	s.Apply(1, 1, settlement(Block{Sequence: 4, Records: 2, Dead: 2}))
	s.Apply(2, 1, Message{Moved: []string{"4.1"}})
	s.Apply(3, 1, Message{Moved: []string{"4.1", "4.0"}})
	if want := (Sums{Records: 2, Delivered: 2}); s.Sums != want {
		t.Errorf("got %+v, want %+v", s.Sums, want)
	}
	if !reflect.DeepEqual(s.Moved, []string{"4.0", "4.1"}) {
		t.Errorf("moved %q", s.Moved)
	}
}

func TestTheStateHasItsFormInJSON(t *testing.T) {
	t.Parallel()
	s := State{Epoch: 1, Applied: 2, Baseline: 3, Settled: Ranges{{3, 9}}, Moved: []string{"4.1"}, Sums: Sums{Records: 7, Delivered: 6, Dead: 1}}
	got, err := json.Marshal(s)
	want := `{"epoch":1,"applied":2,"baseline":3,"settled":[[3,9]],"moved":["4.1"],` +
		`"sums":{"records":7,"delivered":6,"already":0,"filtered":0,"repaired":0,"dead":1}}`
	if err != nil || string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Ranges behave like a plain set, and stay sorted, disjoint and not adjacent.
func FuzzRanges(f *testing.F) {
	f.Add([]byte{5, 7, 6, 1, 2, 4, 3, 3, 255, 0})
	f.Fuzz(func(t *testing.T, sequence []byte) {
		var r Ranges
		set := map[uint64]bool{}
		for _, b := range sequence {
			n := uint64(b)
			if r.Add(n) == set[n] {
				t.Fatalf("Add(%d) does not tell whether it is new", n)
			}
			set[n] = true
		}
		for n := range uint64(256) {
			if r.Has(n) != set[n] {
				t.Fatalf("Has(%d) is %v", n, r.Has(n))
			}
		}
		if r.Count() != uint64(len(set)) {
			t.Fatalf("Count is %d, want %d", r.Count(), len(set))
		}
		for i, one := range r {
			if one[0] > one[1] || i > 0 && r[i-1][1]+1 >= one[0] {
				t.Fatalf("ranges %v", r)
			}
		}
	})
}
