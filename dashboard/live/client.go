package live

import (
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
)

// Bounds of what waits for one client.
const (
	maxQueued = 1 << 20 // bytes of m; they are shared, so this is what one may lag behind
	maxErrs   = 16
	unknown   = -1 // how many values a gap has
)

// Client is one viewer. Its methods are safe for concurrent use.
type Client struct {
	hub   *Hub
	ready chan struct{} // holds one

	mu     sync.Mutex
	first  []byte // the hello, until it was sent
	m      bool   // wants m
	queue  []sent
	queued int // bytes in queue
	gap    gap // before what is in queue
	topics [topics]subscription
	errs   [][]byte
	slow   bool

	tails    map[int]*tail
	bucket   bucket // of rows
	rowBytes int    // of rows that wait
}

// gap is a run of m that were dropped; to is 0 when there is none.
type gap struct {
	from, to uint64
	values   int // or unknown
}

// subscription is one topic.
type subscription struct {
	on      bool
	version int    // of what was told last
	text    []byte // what waits; nil: nothing
}

func newClient(h *Hub, ui, role string) *Client {
	hello, _ := json.Marshal(struct { // always can
		T     string `json:"t"`
		Now   int64  `json:"now"`
		UI    string `json:"ui"`
		Role  string `json:"role"`
		Began int64  `json:"began"`
	}{"hello", h.now().UnixMilli(), ui, role, h.began.UnixMilli()})
	c := &Client{hub: h, ready: make(chan struct{}, 1), first: hello, tails: make(map[int]*tail)}
	c.topics[status].on = true
	signal(c.ready)
	return c
}

// Leave ends c and its tails.
func (c *Client) Leave() {
	c.hub.mu.Lock()
	delete(c.hub.clients, c)
	c.hub.mu.Unlock()
	signal(c.hub.tailing)
}

// Ready tells, by a value in the channel, that a Frame may be asked for.
func (c *Client) Ready() <-chan struct{} { return c.ready }

// Frame takes what waits for the client, as one frame; nil when that is nothing.
// It belongs to the caller.
func (c *Client) Frame() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := []byte("[")
	add := func(message []byte) {
		if message != nil {
			f = append(append(f, message...), ',')
		}
	}
	add(c.first)
	c.first = nil
	add(c.topics[status].take())
	add(c.gap.text())
	c.gap = gap{}
	for _, m := range c.queue {
		add(m.text)
	}
	clear(c.queue)
	c.queue, c.queued = c.queue[:0], 0
	add(c.topics[ledger].take())
	add(c.topics[consumers].take())
	add(c.topics[processes].take())
	for _, e := range c.errs {
		add(e)
	}
	c.errs = nil
	for _, t := range c.tails {
		add(t.take())
	}
	c.rowBytes = 0
	if len(f) == 1 {
		return nil
	}
	f[len(f)-1] = ']'
	return f
}

// ring has the client's frame sent, if it does not want to be slow.
func (c *Client) ring(slow bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if slow || !c.slow {
		signal(c.ready)
	}
}

// push adds an m; when too much waits the oldest goes, and is told as a gap.
func (c *Client) push(m sent) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.m {
		return
	}
	c.queue = append(c.queue, m)
	c.queued += len(m.text)
	n := 0
	for c.queued > maxQueued && n < len(c.queue)-1 {
		old := &c.queue[n]
		c.queued -= len(old.text)
		c.gap.add(old.seq, old.seq, old.rows)
		c.hub.metrics.dropped.Add(float64(old.rows))
		*old = sent{}
		n++
	}
	if n > 0 {
		c.queue = append(c.queue[:0], c.queue[n:]...)
	}
}

// lost tells of m that cannot be sent.
func (c *Client) lost(from, to uint64, values int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gap.add(from, to, values)
}

// add makes the gap reach to to.
func (g *gap) add(from, to uint64, values int) {
	switch {
	case g.to == 0:
		*g = gap{from, to, values}
		return
	case g.values == unknown || values == unknown:
		g.values = unknown
	default:
		g.values += values
	}
	g.from, g.to = min(g.from, from), max(g.to, to)
}

func (g *gap) text() []byte {
	if g.to == 0 {
		return nil
	}
	values := "null"
	if g.values != unknown {
		values = strconv.Itoa(g.values)
	}
	return fmt.Appendf(nil, `{"t":"gap","from":%d,"to":%d,"dropped":%s}`, g.from, g.to, values)
}

// tell leaves the newest message of a topic, unless the client has it.
func (c *Client) tell(t topic, version int, text []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := &c.topics[t]; s.on && s.version != version {
		s.version, s.text = version, text
	}
}

func (c *Client) wants(t topic) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.topics[t].on
}

func (s *subscription) take() []byte {
	text := s.text
	s.text = nil
	return text
}
