// Package count tells which of the records that were sent have arrived: once,
// more than once, or damaged.
package count

import (
	"slices"
	"sync"
	"time"

	"lagermeister/bench/record"
)

// Tally counts the records of one run. Its methods may be called from several
// goroutines.
type Tally struct {
	run       uint32
	latencies bool

	mu      sync.Mutex
	seen    map[uint16][]uint64 // by connection: a bit for each sequence
	unique  int64
	doubled int64
	damaged int64
	foreign int64
	first   time.Time
	last    time.Time
	delays  []time.Duration
}

// NewTally counts a run's records. With latencies it keeps how long each was on
// its way, 8 bytes a record.
func NewTally(run uint32, latencies bool) *Tally {
	return &Tally{run: run, latencies: latencies, seen: map[uint16][]uint64{}}
}

// Count is what a tally has seen.
type Count struct {
	Unique  int64     // records that arrived
	Doubled int64     // further arrivals of the same
	Damaged int64     // marks, fillers or ends that are not as they were sent
	Foreign int64     // records of other runs
	First   time.Time // when the first unique one arrived
	Last    time.Time // when the last unique one did
}

// Add counts records that arrived at the time given.
func (t *Tally) Add(marks []record.Mark, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range marks {
		m := &marks[i]
		switch {
		case !m.Intact:
			t.damaged++
			continue
		case m.Run != t.run:
			t.foreign++
			continue
		}
		bits, word := t.seen[m.Conn], int(m.Seq/64)
		if word >= len(bits) {
			bits = append(bits, make([]uint64, max(word+1-len(bits), len(bits)))...)
			t.seen[m.Conn] = bits
		}
		if bits[word]&(1<<(m.Seq%64)) != 0 {
			t.doubled++
			continue
		}
		bits[word] |= 1 << (m.Seq % 64)
		t.unique++
		t.last = at
		if t.first.IsZero() {
			t.first = at
		}
		if t.latencies {
			t.delays = append(t.delays, time.Duration(at.UnixNano()-m.Nanos))
		}
	}
}

// Count is what has arrived until now.
func (t *Tally) Count() Count {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Count{Unique: t.unique, Doubled: t.doubled, Damaged: t.damaged, Foreign: t.foreign, First: t.first, Last: t.last}
}

// Latencies are the delays of all unique records, shortest first; the caller's own.
func (t *Tally) Latencies() []time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	sorted := slices.Clone(t.delays)
	slices.Sort(sorted)
	return sorted
}

// Percentile is the smallest of sorted values that at least the share p (0 to 1)
// of them does not exceed; 0 when there are none.
func Percentile(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(p * float64(len(sorted)))
	if float64(rank) < p*float64(len(sorted)) {
		rank++
	}
	return sorted[min(max(rank, 1), len(sorted))-1]
}
