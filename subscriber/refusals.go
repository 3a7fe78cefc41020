package subscriber

import "sync"

// remembered is how many records the share of refused ones is taken of.
const remembered = 1000

// refusals watches the last outcomes: a sink that refuses most records for one
// reason is not telling about the records but about itself.
type refusals struct {
	max int // more of the last 1,000 than this, for one reason, are too many

	mu     sync.Mutex
	last   [remembered]string // reason of a refusal, "" for a delivery
	next   int
	counts map[string]int
}

func newRefusals(share float64) *refusals {
	return &refusals{max: int(share * remembered), counts: map[string]int{}}
}

// add notes one outcome; reason is empty for a delivered record.
func (r *refusals) add(reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if old := r.last[r.next]; old != "" {
		if r.counts[old]--; r.counts[old] == 0 {
			delete(r.counts, old)
		}
	}
	r.last[r.next] = reason
	if reason != "" {
		r.counts[reason]++
	}
	r.next = (r.next + 1) % remembered
}

// tooMany returns the reason that too many records were refused for, with their
// number, or an empty one.
func (r *refusals) tooMany() (reason string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for reason, n := range r.counts {
		if n > r.max {
			return reason, n
		}
	}
	return "", 0
}

// forget starts afresh: the sink has changed.
func (r *refusals) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last, r.next = [remembered]string{}, 0
	clear(r.counts)
}
