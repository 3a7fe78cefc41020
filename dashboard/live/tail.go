package live

import (
	"context"
	"fmt"
	"time"

	"lagermeister/heka/matcher"
)

// Bounds of tails.
const (
	maxRows     = 500         // a second and client
	maxRowBytes = 256 << 10   // of rows that wait for one client
	tailAgain   = time.Second // before another try to open the source
)

// Block is one stored message.
type Block struct {
	Stream   string
	Sequence uint64 // one more than that of the block before, unless some were passed over
	Cut      time.Time
	Data     []byte
}

// tail is what one client watches. All but what it asks for is guarded by the
// client's mutex.
type tail struct {
	id    int
	spec  *matcher.Spec // nil: all
	words []string
	max   int // rows a second

	rows                           []byte // separated by commas; Client.rowBytes counts them
	bucket                         bucket
	seen, matched, skipped, missed uint64 // since the rows message before
}

// bucket bounds rows a second. The zero one is full.
type bucket struct {
	used float64
	at   time.Time
}

// take says whether there is room for one more of most a second.
func (b *bucket) take(now time.Time, most int) bool {
	b.used = max(0, b.used-now.Sub(b.at).Seconds()*float64(most))
	b.at = now
	if b.used+1 > float64(most) {
		return false
	}
	b.used++
	return true
}

// see counts a record that one of c's tails has seen. When it matches and there is
// room, row appends what is shown of it.
func (c *Client) see(t *tail, matches bool, now time.Time, row func([]byte) []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t.seen++
	if !matches {
		return
	}
	t.matched++
	if c.slow || c.rowBytes >= maxRowBytes || !t.bucket.take(now, t.max) || !c.bucket.take(now, maxRows) {
		t.skipped++
		return
	}
	before := len(t.rows)
	if before > 0 {
		t.rows = append(t.rows, ',')
	}
	whole := len(t.rows)
	if t.rows = row(t.rows); len(t.rows) == whole { // too large
		t.rows = t.rows[:before]
		t.skipped++
	}
	c.rowBytes += len(t.rows) - before
}

// take is the rows message; nil when there is nothing to tell. The client's mutex
// is held.
func (t *tail) take() []byte {
	if t.seen == 0 && t.missed == 0 {
		return nil
	}
	text := fmt.Appendf(nil, `{"t":"rows","id":%d,"rows":[`, t.id)
	text = append(text, t.rows...)
	text = fmt.Appendf(text, `],"matched":%d,"seen":%d,"skipped":%d`, t.matched, t.seen, t.skipped)
	if t.missed > 0 {
		text = fmt.Appendf(text, `,"missed_blocks":%d`, t.missed)
	}
	t.rows, t.seen, t.matched, t.skipped, t.missed = t.rows[:0], 0, 0, 0, 0
	return append(text, '}')
}

// watched is an open tail and whose it is.
type watched struct {
	client *Client
	tail   *tail
}

// watching lists the open tails.
func (h *Hub) watching(list []watched) []watched {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.clients {
		c.mu.Lock()
		for _, t := range c.tails {
			list = append(list, watched{c, t})
		}
		c.mu.Unlock()
	}
	return list
}

// tail opens the source of blocks while somebody watches, and closes it after,
// until ctx ends.
func (h *Hub) tail(ctx context.Context) {
	for {
		select {
		case <-h.tailing:
		case <-ctx.Done():
			return
		}
		for h.sources.Tail != nil && ctx.Err() == nil && len(h.watching(nil)) > 0 {
			h.follow(ctx)
		}
	}
}

// follow has the source open until nobody watches any more. When it fails, who
// watches is told, and a second passes.
func (h *Hub) follow(ctx context.Context) {
	open, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- h.sources.Tail(open, newWatcher(h).block) }()
	for {
		select {
		case <-h.tailing:
			if len(h.watching(nil)) == 0 {
				stop()
				if err := <-ended; err != nil {
					h.log.WithError(err).Debug("nobody watches live records any more")
				}
				return
			}
		case err := <-ended:
			if ctx.Err() != nil {
				return
			}
			for _, w := range h.watching(nil) {
				w.client.fail(failure{ID: w.tail.id, Title: "no live records", Detail: fmt.Sprint(err)})
			}
			pause := time.NewTimer(tailAgain)
			defer pause.Stop()
			select {
			case <-pause.C:
			case <-ctx.Done():
			}
			return
		}
	}
}
