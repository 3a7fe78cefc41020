package live

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"sync"
	"time"

	"lagermeister/stats"
)

// Bounds of what is known of programs. They say that they run every 10 s.
const (
	maxPrograms   = 512
	silentAfter   = 25 * time.Second // two words were missed
	replacedAfter = 12 * time.Second // one was, and a younger process reports as this one did
)

// What is known of a process.
const (
	isRunning = "running"
	isSilent  = "silent"  // killed, or it cannot be heard
	isStopped = "stopped" // it said so
)

// process is one that has said since when it runs, as one sender of events.
type process struct {
	Sender  string `json:"sender"`
	IP      string `json:"ip"`
	Group   string `json:"group,omitempty"`
	Version string `json:"version"`
	Started int64  `json:"started"` // unix ms, by our clock
	State   string `json:"state"`
	Until   int64  `json:"until,omitempty"` // unix ms: last heard, or stopped; 0 while it runs

	Totals  *totals     `json:"totals,omitempty"`  // of a receiver
	Failure *failedPost `json:"failure,omitempty"` // of an output

	heard   time.Time
	stopped bool
}

// totals are those of stats.Totals.
type totals struct {
	Received uint64 `json:"received"`
	Stored   uint64 `json:"stored"`
	Filtered uint64 `json:"filtered"`
	Rejected uint64 `json:"rejected"`
	InFlight uint64 `json:"in_flight"`
}

// failedPost is that of stats.Failure.
type failedPost struct {
	At   int64  `json:"at"` // unix ms, by our clock
	Text string `json:"text"`
}

// life names a process. Started is by its own clock.
type life struct {
	sender, ip, group string
	started           int64
}

// programs are the processes that were heard within the hour. Several of one name
// differ by when they have started. It is safe for concurrent use.
type programs struct {
	now func() time.Time

	mu      sync.Mutex
	known   map[life]*process
	evicted uint64 // that made room
}

func newPrograms(now func() time.Time) *programs {
	return &programs{now: now, known: make(map[life]*process)}
}

// hear takes a Started or a Stopped. When there are too many processes the one that
// was not heard for longest makes room.
func (p *programs) hear(e *stats.Event) {
	now := p.now()
	started := math.Round(e.Value * 1000)
	if started <= 0 || started > float64(now.Add(24*time.Hour).UnixMilli()) || len(e.Version) > maxName {
		return
	}
	l := life{e.Sender, e.SourceIP, e.Group, int64(started)}
	p.mu.Lock()
	defer p.mu.Unlock()
	wrong := now.Unix() - e.Timestamp // its clock is, as in the history
	if wrong <= late && wrong >= -early {
		wrong = 0
	}
	ours := func(ms int64) int64 { return min(ms+wrong*1000, now.UnixMilli()) }
	known := p.known[l]
	if known == nil {
		p.forget(now)
		known = &process{Sender: e.Sender, IP: e.SourceIP, Group: e.Group, Started: ours(l.started)}
		p.known[l] = known
	}
	known.Version, known.Totals, known.heard, known.stopped = e.Version, (*totals)(e.Totals), now, e.MetricType == stats.Stopped
	known.Failure = nil
	if f := e.Failure; f != nil && len(f.Text) <= stats.MaxFailure {
		known.Failure = &failedPost{ours(f.At), f.Text}
	}
}

// forget drops who was silent for an hour, and makes room for one more.
func (p *programs) forget(now time.Time) {
	var longest life
	for l, known := range p.known {
		if now.Sub(known.heard) >= forgotten {
			delete(p.known, l)
		} else if oldest := p.known[longest]; oldest == nil || known.heard.Before(oldest.heard) {
			longest = l
		}
	}
	if len(p.known) >= maxPrograms {
		delete(p.known, longest)
		p.evicted++
	}
}

// size returns how many processes are known, and how many had to make room.
func (p *programs) size() (known int, evicted uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.known), p.evicted
}

// list is what is known now, the processes of one name from the oldest to the newest.
func (p *programs) list() []process {
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]process, 0, len(p.known))
	newest := make(map[life]int64) // started last of each name
	for l, known := range p.known {
		if now.Sub(known.heard) >= forgotten {
			delete(p.known, l)
			continue
		}
		list = append(list, *known)
		l.started = 0
		newest[l] = max(newest[l], known.Started)
	}
	for i := range list {
		one := &list[i]
		quiet, heard := now.Sub(one.heard), one.heard.UnixMilli()
		switch {
		case one.stopped:
			one.State, one.Until = isStopped, heard
		case quiet > silentAfter, quiet > replacedAfter && newest[life{one.Sender, one.IP, one.Group, 0}] > heard:
			one.State, one.Until = isSilent, heard
		default:
			one.State = isRunning
		}
	}
	slices.SortFunc(list, func(a, b process) int {
		return cmp.Or(cmp.Compare(a.Sender, b.Sender), cmp.Compare(a.IP, b.IP), cmp.Compare(a.Group, b.Group), cmp.Compare(a.Started, b.Started), cmp.Compare(a.Version, b.Version))
	})
	return list
}

// json is the list as GET /api/v2/programs answers.
func (p *programs) json() []byte {
	text, _ := json.Marshal(struct { // always can
		Programs []process `json:"programs"`
	}{p.list()})
	return text
}
