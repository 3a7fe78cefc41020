package live

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"lagermeister/stats"
)

const (
	flushEvery = 250 * time.Millisecond // frames to a client
	slowEvery  = 20                     // flushes, of a client in a hidden tab
	replayed   = 240                    // m that a client which comes back is sent again: a minute
	replayable = 4 << 20                // bytes of them
)

// Status says whether what is shown can be current.
type Status struct {
	NATS     string   `json:"nats"` // up or down
	JS       string   `json:"js"`   // up or down
	Since    int64    `json:"since"`
	Err      string   `json:"err,omitempty"`
	URL      string   `json:"url,omitempty"`
	Version  string   `json:"version,omitempty"` // of the NATS server, as long as it is up
	NotReady []string `json:"not_ready"`         // never nil
}

// Sources are where a hub has from what it does not keep itself. Those that are
// nil have nothing to tell.
type Sources struct {
	// Ledger, Consumers and Status are asked once a second, the first two while a
	// client wants to know, and sent when the answer is another one. Who gives an
	// error has nothing to tell now.
	Ledger    func(ctx context.Context) ([]byte, error) // a JSON object
	Consumers func(ctx context.Context) ([]byte, error) // a JSON object
	Status    func(ctx context.Context) Status

	// Tail calls take, from one goroutine, for every block that streams store from
	// now on, until ctx ends. It runs only while a tail is open.
	Tail func(ctx context.Context, take func(*Block)) error
}

// Hub repeats what is new to its clients. Its methods are safe for concurrent use
// and wait for no client.
type Hub struct {
	*History
	programs *programs
	sources  Sources
	log      logrus.FieldLogger
	metrics  *metrics
	polls    []*poll
	tailing  chan struct{} // tails were opened or closed; holds one

	mu      sync.Mutex // taken before Client.mu
	clients map[*Client]struct{}
	seq     uint64
	sent    []sent // the newest m, oldest first
	bytes   int    // of them
}

// sent is an m message that was sent.
type sent struct {
	seq  uint64
	rows int
	text []byte // shared by all clients, never changed
}

// New returns a hub with an empty history; Run makes it work.
func New(sources Sources, log logrus.FieldLogger, reg prometheus.Registerer) *Hub {
	h := &Hub{
		History: NewHistory(time.Now), programs: newPrograms(time.Now), sources: sources, log: log.WithField("component", "dashboard"),
		tailing: make(chan struct{}, 1), clients: make(map[*Client]struct{}),
	}
	// Numbers of a later process are always above those of an earlier one, so that
	// a client which comes back with the number of another life is told of a gap.
	h.seq = uint64(h.began.UnixMilli())
	h.polls = h.newPolls()
	h.metrics = newMetrics(reg, h)
	return h
}

// Add takes a raw event. What programs say of themselves is kept for Programs, all else
// goes into the history; what is no event is ignored.
func (h *Hub) Add(raw []byte) {
	e, ok := readEvent(raw)
	switch {
	case !ok:
	case e.MetricType == stats.Started, e.MetricType == stats.Stopped:
		h.programs.hear(&e)
	default:
		h.file(&e)
	}
}

// Programs tells which processes run, since when and in which version, and which have
// ended within the hour, as a JSON object.
func (h *Hub) Programs() []byte { return h.programs.json() }

// Run repeats until ctx ends; it returns nil then, when all it has started has
// ended too.
func (h *Hub) Run(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	for _, p := range h.polls {
		running.Go(func() { p.run(ctx, h) })
	}
	running.Go(func() { h.tail(ctx) })
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-tick.C:
			h.flush(n%slowEvery == 0)
		case <-ctx.Done():
			return nil
		}
	}
}

// flush makes one m of all that changed and tells clients to send what waits for
// them; those that want to be slow only when slow is set.
func (h *Hub) flush(slow bool) {
	now := h.now().UnixMilli()
	h.mu.Lock()
	defer h.mu.Unlock()
	text := strconv.AppendUint([]byte(`{"t":"m","seq":`), h.seq+1, 10)
	text = append(strconv.AppendInt(append(text, `,"now":`...), now, 10), `,"d":[`...)
	text, rows := h.changes(text)
	if rows > 0 {
		h.seq++
		h.keep(sent{h.seq, rows, append(text, "]}"...)})
	}
	for c := range h.clients {
		if rows > 0 {
			c.push(h.sent[len(h.sent)-1])
		}
		c.ring(slow)
	}
}

// keep remembers an m for clients that come back.
func (h *Hub) keep(m sent) {
	h.sent = append(h.sent, m)
	h.bytes += len(m.text)
	for len(h.sent) > replayed || h.bytes > replayable && len(h.sent) > 1 {
		h.bytes -= len(h.sent[0].text)
		h.sent[0] = sent{} // lets go of the text
		h.sent = h.sent[1:]
	}
}

// Join adds a client, whose first message is the hello. ui is the version of the
// page, role what its viewer may do. Leave must be called.
func (h *Hub) Join(ui, role string) *Client {
	c := newClient(h, ui, role)
	h.mu.Lock()
	h.clients[c] = struct{}{}
	h.mu.Unlock()
	h.wanted()
	return c
}

// wanted has the sources asked at once for what nobody wanted to know before.
func (h *Hub) wanted() {
	for _, p := range h.polls {
		signal(p.wake)
	}
}

// resume sends c again what it has missed since it was sent seq, or tells it of
// the gap.
func (h *Hub) resume(c *Client, seq uint64) {
	if seq == 0 || seq >= h.seq {
		return
	}
	missing := h.seq // the last one that is not there any more
	if len(h.sent) > 0 {
		missing = h.sent[0].seq - 1
	}
	if seq < missing {
		c.lost(seq+1, missing, unknown)
	}
	for _, m := range h.sent {
		if m.seq > seq {
			c.push(m)
		}
	}
}

// signal leaves a sign in a channel that holds one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
