package stats

import (
	"maps"
	"sync"
	"unicode/utf8"
)

const (
	// Recent is how many events a new viewer is shown at once.
	Recent = 500
	// viewerQueue bounds what waits for one viewer: the recent events and as
	// many again.
	viewerQueue = 2 * Recent
	// maxEvent bounds one event, bytes; a real one has about 150.
	maxEvent = 8 << 10
	// maxSeries bounds what Known remembers, maxName each name, bytes; events
	// come from outside.
	maxSeries = 4096
	maxName   = 128
)

// Hub repeats events to viewers. All methods are safe for concurrent use; none
// of them blocks on a viewer.
type Hub struct {
	mu      sync.Mutex
	recent  [Recent][]byte // ring; next is the oldest once it is full
	next    int
	count   int
	viewers map[*Viewer]struct{}
	known   map[string]map[string]bool
	series  int
	cut     uint64
	closed  bool
}

// NewHub returns a hub without events and viewers.
func NewHub() *Hub {
	return &Hub{viewers: make(map[*Viewer]struct{}), known: make(map[string]map[string]bool)}
}

// Viewer receives events from the moment it was made. Its channel is closed when
// it, or the hub, is closed or when it fell so far behind that its queue is full.
type Viewer struct {
	hub    *Hub
	events chan []byte
}

// Events returns the channel to read from. The events are shared and must not be
// changed.
func (v *Viewer) Events() <-chan []byte { return v.events }

// Close ends the viewer. It may be called more than once.
func (v *Viewer) Close() {
	v.hub.mu.Lock()
	defer v.hub.mu.Unlock()
	v.hub.removeLocked(v)
}

// Publish hands one raw event to every viewer and keeps it for later ones. The
// hub owns raw from now on. What is not an event (see ParseEvent) is passed on
// as it is, as the original does, but teaches Known nothing. What is longer than
// 8 KiB, or no text, is dropped: it would fill the memory, or end the websocket
// of every viewer.
func (h *Hub) Publish(raw []byte) {
	if len(raw) > maxEvent || !utf8.Valid(raw) {
		return
	}
	e, err := ParseEvent(raw)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	if err == nil {
		h.learnLocked(e.MetricType, e.Sender)
	}
	h.recent[h.next] = raw
	h.next = (h.next + 1) % Recent
	h.count = min(h.count+1, Recent)
	for v := range h.viewers {
		select {
		case v.events <- raw:
		default: // too slow: to wait for it would hold up all others
			h.removeLocked(v)
			h.cut++
		}
	}
}

// Subscribe adds a viewer, whose first events are the last 500 ones, oldest
// first. The caller closes it.
func (h *Hub) Subscribe() *Viewer {
	v := &Viewer{hub: h, events: make(chan []byte, viewerQueue)}
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.count {
		v.events <- h.recent[(h.next-h.count+i+Recent)%Recent]
	}
	if h.closed {
		close(v.events)
		return v
	}
	h.viewers[v] = struct{}{}
	return v
}

// Known returns which senders of which metrics were seen since the hub was made:
// metric, sender, true. The maps are the caller's.
func (h *Hub) Known() map[string]map[string]bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	known := make(map[string]map[string]bool, len(h.known))
	for metric, senders := range h.known {
		known[metric] = maps.Clone(senders)
	}
	return known
}

// Viewers returns how many viewers there are and how many were cut off so far.
func (h *Hub) Viewers() (open int, cut uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.viewers), h.cut
}

// Close ends all viewers; later events are ignored.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for v := range h.viewers {
		h.removeLocked(v)
	}
}

func (h *Hub) removeLocked(v *Viewer) {
	if _, ok := h.viewers[v]; ok {
		delete(h.viewers, v)
		close(v.events)
	}
}

func (h *Hub) learnLocked(metric, sender string) {
	if h.known[metric][sender] || h.series >= maxSeries || len(metric) > maxName || len(sender) > maxName {
		return
	}
	if h.known[metric] == nil {
		h.known[metric] = make(map[string]bool)
	}
	h.known[metric][sender] = true
	h.series++
}
