package live

import (
	"bytes"
	"context"
	"encoding/json"
	"time"
)

// topic is a kind of message of which only the newest one counts.
type topic int

const (
	ledger topic = iota
	consumers
	processes
	status // who is connected is told of it unasked
	topics
)

var topicNames = [topics]string{ledger: "ledger", consumers: "consumers", processes: "programs", status: "status"}

// askEvery is how often a source is asked while somebody wants to know.
const askEvery = time.Second

// poll asks one source and gives its answers to the clients.
type poll struct {
	topic topic
	ask   func(ctx context.Context) ([]byte, error) // a JSON object
	wake  chan struct{}                             // holds one

	// Owned by run.
	last    []byte
	version int // of last, from 1
}

func (h *Hub) newPolls() (list []*poll) {
	add := func(t topic, ask func(context.Context) ([]byte, error)) {
		list = append(list, &poll{topic: t, ask: ask, wake: make(chan struct{}, 1)})
	}
	if h.sources.Ledger != nil {
		add(ledger, h.sources.Ledger)
	}
	if h.sources.Consumers != nil {
		add(consumers, h.sources.Consumers)
	}
	add(processes, func(context.Context) ([]byte, error) { return h.Programs(), nil })
	if h.sources.Status != nil {
		add(status, func(ctx context.Context) ([]byte, error) { return json.Marshal(h.sources.Status(ctx)) })
	}
	return list
}

// run asks until ctx ends.
func (p *poll) run(ctx context.Context, h *Hub) {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-p.wake:
		case <-ctx.Done():
			return
		}
		if p.topic == status || h.wants(p.topic) { // since when something is down is known only to who has looked
			p.once(ctx, h)
		}
	}
}

// once asks, and gives the answer to all who have not got this one.
func (p *poll) once(ctx context.Context, h *Hub) {
	answer, err := p.ask(ctx)
	if err != nil || len(answer) < 2 || answer[0] != '{' {
		return
	}
	if p.version == 0 || !bytes.Equal(answer, p.last) {
		p.last = answer
		p.version++
	}
	text := append([]byte(`{"t":"`+topicNames[p.topic]+`"`), ',')
	if answer[1] == '}' {
		text = text[:len(text)-1]
	}
	text = append(text, answer[1:]...)
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.clients {
		c.tell(p.topic, p.version, text)
	}
}

// wants says whether a client wants to know about t.
func (h *Hub) wants(t topic) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.clients {
		if c.wants(t) {
			return true
		}
	}
	return false
}
