package ledger

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
)

func TestCountsAreThoseOfTheBlocksAndOneForTheRest(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	c := newCounts(5000)
	records := map[uint64]uint64{}
	const last = 60_000
	for n := uint64(4500); n <= last; n++ {
		switch {
		case n > 20_000 && n < 33_000, r.IntN(50) == 0:
			continue // no such block
		case n > 40_000:
			records[n] = 7
		default:
			records[n] = 1 + r.Uint64N(3000)
		}
		c.add(n, uint32(records[n]))
	}
	for range 2000 {
		first := 4096 + r.Uint64N(last-4096)
		end := first + r.Uint64N(last-first+1)
		want := uint64(0)
		for n := first; n <= end; n++ {
			if n < 4500 || records[n] == 0 {
				want++
			} else {
				want += records[n]
			}
		}
		if got, forgotten := c.between(first, end); got != want || forgotten != 0 {
			t.Fatalf("%d to %d: %d records, %d forgotten, expected %d, 0", first, end, got, forgotten, want)
		}
	}
	if n, forgotten := c.between(100, 4095); n != 3996 || forgotten != 3996 {
		t.Errorf("before the first: %d records, %d forgotten", n, forgotten)
	}
	if n, forgotten := c.between(last+1, last+10); n != 10 || forgotten != 0 {
		t.Errorf("after the last: %d records, %d forgotten", n, forgotten)
	}
	c.keep(map[uint64]bool{3: true})
	if n, forgotten := c.between(2*chunkSize, 4*chunkSize-1); forgotten != chunkSize || n <= chunkSize {
		t.Errorf("%d records, %d forgotten, expected those of chunk 2 of chunks 2 and 3", n, forgotten)
	}
}

// allocated is how much memory what make returns takes.
func allocated[T any](make func() T) (made T, bytes int64) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	made = make()
	runtime.GC()
	runtime.ReadMemStats(&after)
	return made, int64(after.HeapAlloc) - int64(before.HeapAlloc)
}

// Not parallel: it measures the heap.
func TestCountsOfManyBlocksTakeLittleMemory(t *testing.T) {
	fill := func(blocks uint64, records func(n uint64) uint32) func() *counts {
		return func() *counts {
			c := newCounts(1)
			for n := uint64(1); n <= blocks; n++ {
				c.add(n, records(n))
			}
			return c
		}
	}
	differing := func(n uint64) uint32 { return 1000 + uint32(n%7) }
	for _, x := range []struct {
		name        string
		blocks      uint64
		records     func(uint64) uint32
		most, exact int64
	}{
		{"a million", 1_000_000, differing, 5 << 20, 1},
		{"a million of one record", 1_000_000, func(uint64) uint32 { return 1 }, 1 << 20, 1},
		{"ten million", 10_000_000, differing, 40 << 20, 0},
	} {
		c, bytes := allocated(fill(x.blocks, x.records))
		t.Logf("%s blocks: %.1f MB", x.name, float64(bytes)/(1<<20))
		if bytes > x.most {
			t.Errorf("%s blocks: %d bytes, expected at most %d", x.name, bytes, x.most)
		}
		want := uint64(0)
		for n := uint64(1); n <= x.blocks; n++ {
			want += uint64(x.records(n))
		}
		if got, _ := c.between(1, x.blocks); got != want && (x.exact == 1 || got < want-want/1000 || got > want+want/1000) {
			t.Errorf("%s blocks: %d records, expected %d", x.name, got, want)
		}
		runtime.KeepAlive(c)
	}
}

// Every other block settled, or every third, is the worst that ranges know: a
// state of a whole group's pending limit stays below one message.
func TestRangesOfManyHolesTakeLittleMemory(t *testing.T) {
	r, bytes := allocated(func() Ranges {
		var r Ranges
		for n := uint64(1); n <= 1_000_000; n++ {
			r.Add(n)
		}
		for n := range uint64(20_000) {
			r.Add(1_000_002 + 2*n)
		}
		return r
	})
	if bytes > 1<<20 || len(r) != 20_001 {
		t.Errorf("%d ranges, %d bytes", len(r), bytes)
	}
}

func BenchmarkApply(b *testing.B) {
	for _, size := range []int{1, 100, MaxBlocks} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			m := Message{Blocks: make([]Block, size)}
			var s State
			n := uint64(0)
			for i := uint64(1); b.Loop(); i++ {
				for j := range m.Blocks {
					n++
					m.Blocks[j] = Block{Sequence: n ^ 3, Records: 100, Delivered: 100}
				}
				body := m.Append(nil)
				got, err := Parse(body)
				if err != nil {
					b.Fatal(err)
				}
				s.Apply(i, 1, got)
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "blocks/s")
		})
	}
}
