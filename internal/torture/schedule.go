package torture

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Fault is a way of hurting something.
type Fault string

// The faults of processes.
const (
	Kill      Fault = "kill -9"
	Freeze    Fault = "SIGSTOP"
	Terminate Fault = "SIGTERM"
)

// The faults of connections.
const (
	Cut  Fault = "cut"  // all are reset, and new ones until the end
	Slow Fault = "slow" // every piece is 50 ms late
	Hold Fault = "hold" // nothing passes, nothing is closed
)

// The faults of a sink. They last, but for those that answer.
const (
	Unavailable Fault = "503"
	Busy        Fault = "429"
	Unwilling   Fault = "401" // the subscriber pauses and probes
	Hang        Fault = "no answer"
	Reset       Fault = "reset"
	LostAnswer  Fault = "taken, answer lost"
	HalfAnswer  Fault = "taken, half an answer"
	WrongCount  Fault = "taken, wrong item count"
	BadJSON     Fault = "taken, no JSON"
	SomeItems   Fault = "some items 429 or 503"
	Small       Fault = "413 above 20 kB"
)

// Fill pauses a sink and has the clients send as fast as they can, until the
// stream refuses.
const Fill Fault = "fill the stream"

// The hostile clients.
const (
	Garbage   Fault = "garbage"
	Truncated Fault = "truncated frames"
	Drip      Fault = "slow writers"
	Oversized Fault = "oversized"
	HalfOpen  Fault = "half-open"
	BadHTTP   Fault = "bad requests"
)

// Event is one fault of the schedule.
type Event struct {
	At     time.Duration // since the start of the schedule
	For    time.Duration // until it is mended
	Fault  Fault
	Target string
	Lane   string // events of one lane do not overlap
}

func (e Event) String() string {
	return fmt.Sprintf("%7.2fs %-16s %-24s for %.2fs", e.At.Seconds(), e.Target, e.Fault, e.For.Seconds())
}

// lane is a sequence of faults of which the next begins when the last is mended.
type lane struct {
	name     string
	targets  []string
	faults   []Fault
	gap      time.Duration // mean time between two faults
	min, max time.Duration // of a fault
}

// leader is the node that leads the stream at that moment.
const leader = "leader"

// The targets, as the schedule and the report call them.
var (
	nodeNames      = []string{"nats1", "nats2", "nats3"}
	programNames   = []string{"tcp1", "tcp2", "http1", "http2", "es1", "es2", "batch1", "batch2", "proxy"}
	processFaults  = []Fault{Kill, Kill, Freeze, Terminate}
	linkFaults     = []Fault{Cut, Slow, Hold}
	bulkFaults     = []Fault{Unavailable, Busy, Unwilling, Hang, Reset, LostAnswer, HalfAnswer, WrongCount, BadJSON, SomeItems, Small}
	batchFaults    = []Fault{Unavailable, Busy, Unwilling, Hang, Reset, LostAnswer, Small}
	hostileClients = []Fault{Garbage, Truncated, Drip, Oversized, HalfOpen, BadHTTP}
)

// toNATS and toSink name the connections of a program.
func toNATS(program string) string { return program + ">nats" }
func toSink(program string) string { return program + ">sink" }

func lanes() []lane {
	s := func(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }
	// One lane for all nodes: never more than a minority is away.
	all := []lane{
		{"nats", append([]string{leader, leader, leader}, nodeNames...), processFaults, s(12), s(0.5), s(8)},
		{"bulk sink", []string{bulkSink}, bulkFaults, s(6), s(0.5), s(6)},
		{"batch sink", []string{batchSink}, batchFaults, s(8), s(0.5), s(6)},
		{"stream", []string{bulkSink, batchSink}, []Fault{Fill}, s(40), s(15), s(20)},
		{"clients", []string{"receivers"}, hostileClients, s(3), s(1), s(4)},
	}
	for _, name := range programNames {
		all = append(all, lane{name, []string{name}, processFaults, s(22), s(0.2), s(6)})
		links := []string{toNATS(name)}
		if strings.HasPrefix(name, "es") || strings.HasPrefix(name, "batch") {
			links = append(links, toSink(name))
		}
		all = append(all, lane{name + " links", links, linkFaults, s(20), s(0.2), s(6)})
	}
	return all
}

// Plan is the schedule of a run: the same seed and length give the same one.
// Within a lane faults do not overlap, and all are mended at the end.
func Plan(seed uint64, length time.Duration) []Event {
	var plan []Event
	for _, l := range lanes() {
		plan = append(plan, l.plan(seed, length)...)
	}
	slices.SortStableFunc(plan, func(a, b Event) int { return int(a.At - b.At) })
	return plan
}

func (l *lane) plan(seed uint64, length time.Duration) (events []Event) {
	h := fnv.New64a()
	h.Write([]byte(l.name))
	r := rand.New(rand.NewPCG(seed, h.Sum64()))
	between := func(low, high time.Duration) time.Duration {
		return low + time.Duration(r.Int64N(int64(high-low)+1))
	}
	for at := between(l.gap/4, l.gap); ; at += between(l.gap/2, l.gap*3/2) {
		e := Event{At: at, For: between(l.min, l.max), Fault: l.faults[r.IntN(len(l.faults))], Target: l.targets[r.IntN(len(l.targets))], Lane: l.name}
		if e.At+e.For > length {
			return events
		}
		events = append(events, e)
		at += e.For
	}
}
