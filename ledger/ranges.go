package ledger

import (
	"iter"
	"slices"
)

// Ranges is a set of sequences as sorted, disjoint, not adjacent ranges, both
// ends included. In JSON it is [[first,last],…].
type Ranges [][2]uint64

// Add puts n into the set and reports whether it was new.
func (r *Ranges) Add(n uint64) bool {
	i, found := r.find(n)
	if found {
		return false
	}
	s := *r
	joinsLeft := i > 0 && s[i-1][1]+1 == n
	joinsRight := i < len(s) && s[i][0] == n+1
	switch {
	case joinsLeft && joinsRight:
		s[i-1][1] = s[i][1]
		*r = slices.Delete(s, i, i+1)
	case joinsLeft:
		s[i-1][1] = n
	case joinsRight:
		s[i][0] = n
	default:
		*r = slices.Insert(s, i, [2]uint64{n, n})
	}
	return true
}

// Has reports whether n is in the set.
func (r Ranges) Has(n uint64) bool {
	_, found := r.find(n)
	return found
}

// Count is how many sequences the set holds.
func (r Ranges) Count() (n uint64) {
	for _, one := range r {
		n += one[1] - one[0] + 1
	}
	return n
}

// Within is how many sequences from first to last the set holds.
func (r Ranges) Within(first, last uint64) (n uint64) {
	for _, one := range r {
		if from, to := max(one[0], first), min(one[1], last); from <= to {
			n += to - from + 1
		}
	}
	return n
}

// Holes are the ranges from first to last that the set does not hold, in order.
func (r Ranges) Holes(first, last uint64) iter.Seq2[uint64, uint64] {
	return func(yield func(uint64, uint64) bool) {
		for i, _ := r.find(first); first <= last; i++ {
			if i == len(r) || r[i][0] > last {
				yield(first, last)
				return
			}
			if r[i][0] > first && !yield(first, r[i][0]-1) {
				return
			}
			first = r[i][1] + 1
		}
	}
}

// find returns the range that holds n, or the place of one that would. Most
// sequences come in order, so the end is looked at first.
func (r Ranges) find(n uint64) (int, bool) {
	if last := len(r) - 1; last < 0 || n > r[last][1] {
		return len(r), false
	}
	return slices.BinarySearchFunc(r, n, func(one [2]uint64, n uint64) int {
		switch {
		case one[1] < n:
			return -1
		case one[0] > n:
			return 1
		}
		return 0
	})
}
