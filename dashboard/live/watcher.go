package live

import (
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"

	"lagermeister/heka"
	"lagermeister/heka/encode"
	"lagermeister/search"
)

// What is shown of a record, in bytes; GET /api/v2/message has all of it.
const (
	maxPayload = 2 << 10  // of its payload
	maxDoc     = 16 << 10 // of its document; a longer one goes without dynamic fields
)

// watcher evaluates the open tails for each record. It is not safe for concurrent
// use.
type watcher struct {
	hub     *Hub
	open    []watched
	last    map[string]uint64 // stream and subject -> last sequence seen
	message heka.Message
	whole   *encode.Encoder
	headers *encode.Encoder // without dynamic fields
}

func newWatcher(h *Hub) *watcher {
	whole, err := encode.New("ecs", nil, nil)
	if err != nil {
		panic(err) // settled when this was written
	}
	headers, err := encode.New("ecs", []string{"Uuid", "Timestamp", "Type", "Logger", "Severity", "Payload", "EnvVersion", "Pid", "Hostname"}, nil)
	if err != nil {
		panic(err)
	}
	return &watcher{hub: h, last: make(map[string]uint64), whole: whole, headers: headers}
}

// block shows the records of one block to whom they concern.
func (w *watcher) block(b *Block) {
	w.open = w.hub.watching(w.open[:0])
	now := w.hub.now()
	w.tellMissed(b)
	for index, r := range heka.Records(b.Data) {
		w.hub.metrics.tailed.Inc()
		reads := r.Body != nil && w.message.Parse(r.Body) == nil
		row := func(dst []byte) []byte { return w.row(dst, b, index) }
		for _, o := range w.open {
			o.client.see(o.tail, reads && o.tail.matches(&w.message), now, row)
		}
	}
	clear(w.open)
}

func (t *tail) matches(m *heka.Message) bool {
	return (t.spec == nil || t.spec.Match(m)) && search.HasTokens(m.Payload, t.words)
}

// tellMissed compares with what was seen last, so that nothing goes missing untold.
func (w *watcher) tellMissed(b *Block) {
	seen, known := w.last[b.Stream]
	w.last[b.Stream] = b.Sequence
	if !known || b.Sequence <= seen+1 {
		return
	}
	missed := b.Sequence - seen - 1
	w.hub.metrics.missed.Add(float64(missed))
	for _, o := range w.open {
		o.client.mu.Lock()
		o.tail.missed += missed
		o.client.mu.Unlock()
	}
}

// row appends what is shown of the present message, nothing when that is too
// large.
func (w *watcher) row(dst []byte, b *Block, index int) []byte {
	m := &w.message
	start, payload, cut := len(dst), m.Payload, false
	if len(payload) > maxPayload {
		m.Payload, cut = clip(payload, maxPayload), true
		defer func() { m.Payload = payload }() // other tails look at it
	}
	at := b.Cut.UnixMilli()
	if m.Timestamp > 0 {
		at = m.Timestamp / int64(time.Millisecond)
	}
	stream, _ := json.Marshal(b.Stream) // strings always can
	dst = strconv.AppendInt(append(dst, `{"at":`...), at, 10)
	dst = append(append(dst, `,"stream":`...), stream...)
	dst = strconv.AppendUint(append(dst, `,"position":"`...), b.Sequence, 10)
	dst = strconv.AppendInt(append(dst, '.'), int64(index), 10)
	dst = append(dst, `","doc":`...)
	_, skew := encode.EventDate(m, b.Cut)
	r := encode.Record{Message: m, Sequence: b.Sequence, Index: index, ClockSkew: skew, Cut: b.Cut}
	doc := len(dst)
	if dst = w.whole.Append(dst, &r); len(dst)-doc > maxDoc {
		dst, cut = w.headers.Append(dst[:doc], &r), true
	}
	if len(dst)-doc > maxDoc {
		return dst[:start]
	}
	if cut {
		dst = append(dst, `,"cut":true`...)
	}
	return append(dst, '}')
}

// clip is at most n bytes of text, without a part of a rune at its end.
func clip(text []byte, n int) []byte {
	for end := n; end > n-utf8.UTFMax; end-- {
		if utf8.RuneStart(text[end]) {
			return text[:end]
		}
	}
	return text[:n]
}
