package ledger

import (
	"slices"
	"sync"
)

const (
	// chunkSize is how many sequences share a chunk of counts.
	chunkSize = 4096

	// maxDetailed is how many chunks may know the count of each of their blocks:
	// 8 million blocks, 32 MiB. Older ones are reduced to their mean.
	maxDetailed = 2048
)

// counts is how many records the blocks of one stream have, of those that some
// group has not settled: 4 bytes a block, less where they are all the same or too
// many. What was never read counts as one record. Safe for concurrent use.
type counts struct {
	mu       sync.Mutex
	chunks   map[uint64]*chunk // by sequence / chunkSize
	detailed []uint64          // keys of those with a count for each block, ascending
	from     uint64            // first sequence asked for
	next     uint64            // first sequence not read yet
}

// chunk is the counts of chunkSize sequences.
type chunk struct {
	sum     uint64   // records in the blocks seen
	seen    uint64   // blocks seen
	records []uint32 // of each, 0 when not seen; nil: each has the mean
}

// newCounts begins with the whole chunk that from is in.
func newCounts(from uint64) *counts {
	c := new(counts)
	c.reset(from)
	return c
}

// reset forgets all counts, to be read again from a sequence on.
func (c *counts) reset(from uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.chunks, c.detailed = make(map[uint64]*chunk), nil
	c.from = max(from/chunkSize*chunkSize, 1)
	c.next = c.from
}

// position is the first sequence not read yet.
func (c *counts) position() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.next
}

// add notes the records of a block. Sequences come in ascending order; what is
// left out does not exist.
func (c *counts) add(sequence uint64, records uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if sequence < c.next {
		return
	}
	key := sequence / chunkSize
	if before := (c.next - 1) / chunkSize; before < key {
		c.complete(before)
	}
	for empty := c.next / chunkSize; empty < key; empty++ {
		if c.chunks[empty] == nil {
			c.chunks[empty] = new(chunk)
		}
	}
	c.next = sequence + 1
	one := c.chunks[key]
	if one == nil {
		one = &chunk{records: make([]uint32, chunkSize)}
		c.chunks[key] = one
		c.detailed = append(c.detailed, key)
		if len(c.detailed) > maxDetailed {
			c.chunks[c.detailed[0]].records = nil
			c.detailed = slices.Delete(c.detailed, 0, 1)
		}
	}
	one.sum += uint64(max(records, 1))
	one.seen++
	if one.records != nil {
		one.records[sequence%chunkSize] = max(records, 1)
	}
}

// skip notes that up to next there is nothing more to read.
func (c *counts) skip(next uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next = max(c.next, next)
}

// complete lets go of the single counts of a chunk whose blocks are all alike.
func (c *counts) complete(key uint64) {
	one := c.chunks[key]
	if one == nil || one.records == nil || one.seen != chunkSize {
		return
	}
	list := one.records
	if uint64(list[0])*chunkSize == one.sum && slices.Max(list) == list[0] {
		one.records = nil
		if i, found := slices.BinarySearch(c.detailed, key); found {
			c.detailed = slices.Delete(c.detailed, i, i+1)
		}
	}
}

// keep forgets the chunks that have been read and that nobody needs.
func (c *counts) keep(needed map[uint64]bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key := range c.chunks {
		if !needed[key] && key < c.next/chunkSize {
			delete(c.chunks, key)
		}
	}
	c.detailed = slices.DeleteFunc(c.detailed, func(key uint64) bool { return c.chunks[key] == nil })
}

// between is how many records the blocks from first to last have. forgotten is
// how many of them were there to be read and are not known any more, or were
// not asked for; each counts as one record.
func (c *counts) between(first, last uint64) (records, forgotten uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if first < c.from && first <= last {
		n := min(last, c.from-1) - first + 1
		records, forgotten, first = n, n, c.from
	}
	for first <= last {
		if first >= c.next { // not read yet
			return records + last - first + 1, forgotten
		}
		end := min(last, first/chunkSize*chunkSize+chunkSize-1)
		n := end - first + 1
		switch one := c.chunks[first/chunkSize]; {
		case one == nil:
			records += n
			forgotten += n
		case one.records != nil:
			for _, count := range one.records[first%chunkSize : end%chunkSize+1] {
				records += uint64(max(count, 1))
			}
		default:
			records += (one.sum + chunkSize - one.seen) * n / chunkSize
		}
		first = end + 1
	}
	return records, forgotten
}

// records is between for a Folder.
func (c *counts) records(first, last uint64) uint64 {
	n, _ := c.between(first, last)
	return n
}
