package stats

import (
	"slices"
	"testing"
	"time"
)

func TestEachSecondHasANameOfItsOwnWhateverTheTicksDo(t *testing.T) {
	t.Parallel()
	const start = 1_795_184_400
	for _, c := range []struct {
		name  string
		ticks []int64 // ms after start
		want  []int64 // s after start
	}{
		{"in the middle", []int64{500, 1500, 2510, 3490}, []int64{0, 1, 2, 3}},
		{"around the full second", []int64{999, 2001, 2999, 4000, 5001, 5998}, []int64{0, 1, 2, 3, 4, 5}},
		{"just behind, then before", []int64{1001, 1999, 3000, 3999, 5001}, []int64{1, 2, 3, 4, 5}},
		{"late once", []int64{300, 2310, 3300}, []int64{0, 2, 3}},
		{"late at the full second", []int64{999, 3001, 3999}, []int64{0, 3, 4}},
		{"drifting over it", []int64{900, 2010, 3120, 4230, 5340, 6450}, []int64{0, 1, 2, 3, 5, 6}},
		{"a clock that is set", []int64{999, 2001, 62_001, 63_001}, []int64{0, 1, 62, 63}},
	} {
		var s seconds
		var got []int64
		for _, ms := range c.ticks {
			got = append(got, s.end(time.UnixMilli(start*1000+ms))-start)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
