package receiver

import (
	"sync/atomic"
	"time"
)

// Connections inside an incomplete frame hold memory. Who opens many, begins a
// frame on each and then sends next to nothing must not keep others out: when
// the budget is used up the ones that have stood longest have to go, not the ones
// that come.

// standing is what others may know of a connection inside a frame.
type standing struct {
	since   atomic.Int64 // when its present frame began, or garbage was dropped; unix ns
	holds   atomic.Int64 // bytes it holds while it waits for more; 0: it does not wait
	evicted atomic.Bool
}

// begin starts the time anew: the frame before was completed.
func (s *standing) begin() {
	s.since.Store(time.Now().UnixNano())
	s.evicted.Store(false)
}

// evict makes the connections that have stood longest inside one frame, and for
// longer than grace, give up n bytes, and takes these for the caller. It reports
// false when there are not enough of them.
func (t *TCP) evict(n int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	latest := time.Now().Add(-t.grace).UnixNano()
	for missing := int64(n); missing > 0; {
		var oldest *conn
		for c := range t.conns {
			s := &c.standing
			if s.holds.Load() == 0 || s.evicted.Load() || s.since.Load() > latest {
				continue
			}
			if oldest == nil || s.since.Load() < oldest.standing.since.Load() {
				oldest = c
			}
		}
		if oldest == nil {
			return false
		}
		missing -= oldest.standing.holds.Load()
		oldest.mu.Lock()
		oldest.standing.evicted.Store(true)
		oldest.cut()
		oldest.mu.Unlock()
	}
	t.frames.used.Add(int64(n)) // above the limit until the evicted have gone
	return true
}

// cut makes a waiting read end now.
func (c *conn) cut() { _ = c.SetReadDeadline(time.Unix(1, 0)) }

// sparing lets some lines a second through to the log: what a stranger provokes
// must not fill the disk.
type sparing struct {
	second, lines atomic.Int64
}

const linesASecond = 10

func (s *sparing) allow(now time.Time) bool {
	if second := now.Unix(); s.second.Swap(second) != second {
		s.lines.Store(0)
	}
	return s.lines.Add(1) <= linesASecond
}
