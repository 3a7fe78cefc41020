package sample_test

import (
	"testing"

	"lagermeister/bench/sample"
)

func TestRecordsAreValidDifferentAndOfTheSizeAskedFor(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, size := range []int{200, 260, 270, 280, 300, 3000, 65536} {
		for _, m := range sample.Messages(20, size) {
			if err := m.Validate(); err != nil || len(m.Body) > size || len(m.Body) < size-2 || seen[string(m.Body)] {
				t.Errorf("size %d: %d bytes, seen before: %v, %v", size, len(m.Body), seen[string(m.Body)], err)
			}
			seen[string(m.Body)] = true
		}
	}
	if a, b := sample.Frames(3, 300), sample.Frames(3, 300); string(a) != string(b) {
		t.Error("they are not always the same")
	}
}
