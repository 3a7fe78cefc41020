package publisher

import "time"

const (
	breakAfter = 3                     // failed sends of the oldest block in a row
	firstProbe = 50 * time.Millisecond // pause before the first try while open, doubling
	maxProbe   = 2 * time.Second
)

// breaker decides when nothing can be stored for now. It is told what became of
// sends; the clock is the caller's. While it is open only the oldest block is sent,
// when probe says so; the first success closes it.
type breaker struct {
	open     bool
	failures int
	pause    time.Duration
	next     time.Time
}

// failed records a failed send of the oldest block, or that the stream is full,
// and says whether this opened the breaker.
func (b *breaker) failed(now time.Time, full bool) (opened bool) {
	b.failures++
	if b.open || !full && b.failures < breakAfter {
		return false
	}
	b.open = true
	b.retry(now.Add(firstProbe))
	return true
}

// retry starts the series of probes anew, the first of them at the given time.
func (b *breaker) retry(at time.Time) {
	b.pause, b.next = firstProbe, at
}

// probe says whether the oldest block is to be sent now.
func (b *breaker) probe(now time.Time) bool {
	if !b.open || now.Before(b.next) {
		return false
	}
	b.pause = min(2*b.pause, maxProbe)
	b.next = now.Add(b.pause)
	return true
}

// succeeded records a stored block and says whether this closed the breaker.
func (b *breaker) succeeded() (closed bool) {
	closed = b.open
	*b = breaker{}
	return closed
}
