package live

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	"lagermeister/stats"
)

// Bounds of the history, since events come from outside: 512 series take 24 MB.
const (
	maxSeries = 512
	maxName   = 128        // bytes of a sender, an address, a metric
	forgotten = time.Hour  // a series silent for so long makes room for a new one
	late      = 10         // seconds that an event may be behind our clock
	early     = 3          // seconds that it may be ahead of it
	known     = coarseSpan // seconds that a silent series is shown
	maxEvent  = 8 << 10    // bytes
	maxWindow = coarseSpan // of a question, seconds
	answerBuf = 64 << 10   // bytes
)

// History is the last hour of every series by the second and the last six hours
// by ten seconds. It is safe for concurrent use.
//
// An event whose time is more than 10 s behind our clock or 3 s ahead of it is
// filed under our own time: its sender's clock is wrong, and a chart that shows
// nothing would be, too.
type History struct {
	began time.Time
	now   func() time.Time

	mu      sync.Mutex
	series  map[key]*series
	changed map[cell]struct{} // since the last call of changes
	refused uint64            // events of series there was no room for
}

// cell is one second of a series.
type cell struct {
	series *series
	second int64
}

// NewHistory returns an empty history. now is the clock.
func NewHistory(now func() time.Time) *History {
	return &History{began: now(), now: now, series: make(map[key]*series), changed: make(map[cell]struct{})}
}

// readEvent reads a raw event; not ok is what is none, or has names without measure.
func readEvent(raw []byte) (e stats.Event, ok bool) {
	if len(raw) > maxEvent {
		return e, false
	}
	e, err := stats.ParseEvent(raw)
	return e, err == nil && e.MetricType != "" && max(len(e.MetricType), len(e.Sender), len(e.SourceIP), len(e.Group)) <= maxName
}

// Add files a raw event. What is no event is ignored.
func (h *History) Add(raw []byte) {
	if e, ok := readEvent(raw); ok {
		h.file(&e)
	}
}

func (h *History) file(e *stats.Event) {
	k := key{e.MetricType, e.Sender, e.SourceIP, e.Group}
	now := h.now().Unix()
	if e.Timestamp < now-late || e.Timestamp > now+early {
		e.Timestamp = now
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.series[k]
	if s == nil {
		if s = h.open(k, now); s == nil {
			h.refused++
			return
		}
	}
	s.add(e.Timestamp, e)
	h.changed[cell{s, e.Timestamp}] = struct{}{}
}

// open makes a series, nil when there are too many that are alive.
func (h *History) open(k key, now int64) *series {
	if len(h.series) >= maxSeries {
		oldest := now
		var victim key
		for k, s := range h.series {
			if s.last < oldest {
				oldest, victim = s.last, k
			}
		}
		if oldest > now-int64(forgotten.Seconds()) {
			return nil
		}
		delete(h.series, victim)
	}
	names, _ := json.Marshal([]string{k.sender, k.ip, k.metric}) // strings always can
	var group []byte
	if k.group != "" {
		group, _ = json.Marshal(k.group)
		group = append([]byte{','}, group...)
	}
	s := &series{names: names[1 : len(names)-1], group: group, key: k, fine: newRing(fineSpan / fineStep), coarse: newRing(coarseSpan / coarseStep)}
	h.series[k] = s
	return s
}

// changes appends the rows of an m message, all values that changed since the
// last call, oldest first and separated by commas, and counts them.
func (h *History) changes(dst []byte) (_ []byte, rows int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.changed) == 0 {
		return dst, 0
	}
	cells := make([]cell, 0, len(h.changed))
	for c := range h.changed {
		cells = append(cells, c)
	}
	clear(h.changed)
	slices.SortFunc(cells, func(a, b cell) int {
		return cmp.Or(cmp.Compare(a.second, b.second), a.series.compare(b.series))
	})
	for _, c := range cells {
		if rows > 0 {
			dst = append(dst, ',')
		}
		rows++
		dst = strconv.AppendInt(append(dst, '['), c.second, 10)
		dst = append(append(dst, ','), c.series.names...)
		dst = appendNumber(append(dst, ','), c.series.fine.get(c.second))
		warn, bad := none, none
		if t := c.series.threshold; t != nil {
			warn, bad = t.Warn, t.Error
		}
		dst = appendNumber(append(dst, ','), warn)
		dst = appendNumber(append(dst, ','), bad)
		dst = append(append(dst, c.series.group...), ']')
	}
	return dst, rows
}

// Began is when the history was empty.
func (h *History) Began() time.Time { return h.began }

// Size returns how many series there are, and how many events were refused since
// there were too many.
func (h *History) Size() (series int, refused uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.series), h.refused
}

// CheckWindow says whether Write can answer for so many seconds at a step, and
// returns the step that 0 stands for.
func CheckWindow(window, step int64) (int64, error) {
	if step == 0 && window <= fineSpan {
		step = fineStep
	} else if step == 0 {
		step = coarseStep
	}
	switch {
	case step != fineStep && step != coarseStep:
		return 0, fmt.Errorf("step=%d: expected %d or %d seconds", step, fineStep, coarseStep)
	case window < step || window > maxWindow:
		return 0, fmt.Errorf("window=%d: expected %d to %d seconds", window, step, maxWindow)
	case step == fineStep && window > fineSpan:
		return 0, fmt.Errorf("window=%d: at step %d expected up to %d seconds", window, fineStep, fineSpan)
	}
	return step, nil
}

// Write answers with the last window seconds of every series at a step that
// CheckWindow has accepted. The last bucket is the one that has just begun. A
// bucket holds the sum, mean, largest or last value of its seconds, as the
// series' agg says: Total, Average, Max or nothing.
func (h *History) Write(w io.Writer, window, step int64) error {
	now := h.now()
	to := now.Unix() / step // the last bucket
	from := to - window/step + 1
	out := bufio.NewWriterSize(w, answerBuf)
	fmt.Fprintf(out, `{"now":%d,"from":%d,"step_s":%d,"began":%d,"series":[`, now.UnixMilli(), from*step*1000, step, h.began.UnixMilli())
	values := make([]float64, window/step)
	var text []byte
	for i, s := range h.list(now.Unix()) {
		h.mu.Lock() // for one series at a time: events shall not wait for a reader
		r := &s.fine
		if step == coarseStep {
			r = &s.coarse
		}
		for i := range values {
			values[i] = r.get(from + int64(i))
		}
		about := struct {
			Type      string           `json:"type"`
			Sender    string           `json:"sender"`
			IP        string           `json:"ip"`
			Group     string           `json:"group,omitempty"`
			Unit      string           `json:"unit"`
			Agg       stats.Aggregate  `json:"agg"`
			Threshold *stats.Threshold `json:"threshold"`
			Last      int64            `json:"last"`
		}{s.key.metric, s.key.sender, s.key.ip, s.key.group, unitOf(s.key.metric), s.agg, s.threshold, s.last * 1000}
		h.mu.Unlock()
		head, err := json.Marshal(about)
		if err != nil {
			return fmt.Errorf("series %v: %w", s.key, err)
		}
		text = text[:0]
		if i > 0 {
			text = append(text, ',')
		}
		text = append(append(text, head[:len(head)-1]...), `,"values":[`...)
		for i, v := range values {
			if i > 0 {
				text = append(text, ',')
			}
			text = appendNumber(text, v)
		}
		if _, err := out.Write(append(text, "]}"...)); err != nil {
			return err
		}
	}
	_, _ = out.WriteString("]}\n") // Flush has its error, too
	return out.Flush()
}

// list is every series that was heard of within six hours, in a fixed order.
func (h *History) list(now int64) []*series {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]*series, 0, len(h.series))
	for k, s := range h.series {
		if s.last <= now-known {
			delete(h.series, k)
			continue
		}
		list = append(list, s)
	}
	slices.SortFunc(list, (*series).compare)
	return list
}

// appendNumber appends v as JSON, null for none.
func appendNumber(dst []byte, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) { // a sum of large ones
		return append(dst, "null"...)
	}
	form := byte('f')
	if a := math.Abs(v); a != 0 && (a < 1e-6 || a >= 1e21) {
		form = 'e'
	}
	return strconv.AppendFloat(dst, v, form, -1, 64)
}
