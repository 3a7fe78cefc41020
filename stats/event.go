// Package stats carries what the programs tell the dashboard: small JSON events
// on a core NATS subject, at most once, never in the way of a record.
//
// The event on the wire is the one Lagermeister's stats_proxy and its user
// interface have always spoken (docs/wire-format.md, "Events on stats-events"):
// every key of theirs always present, in a fixed order. Three parts use it:
//
//	Reporter  collects events of one process, folds each second into one event
//	          a metric and sender, and sends it; when it cannot keep up it drops
//	          and counts
//	Hub       repeats events to any number of viewers; one that is too slow is
//	          cut off, never waited for
//
// The package knows no network: a Sender is handed in, and *nats.Conn is one.
package stats

import (
	"encoding/json"
	"fmt"
)

// The metrics the original programs report, and the senders they report as. A
// viewer must accept any other name too.
const (
	Throughput = "Throughput" // records in the last second
	Lag        = "Lag"        // seconds between a record's event time and its delivery
	BatchSize  = "BatchSize"  // records of a post
	BatchCount = "BatchCount" // posts

	TCPReceiver  = "tcp-receiver"
	HTTPReceiver = "http-receiver"
	HTTPOutput   = "http-output"
	ESOutput     = "es-output"
)

// The metrics that came later, of the same senders and in the same form;
// docs/wire-format.md says who reports which.
const (
	ThroughputBytes = "ThroughputBytes" // bytes of the records read in the last second
	Stored          = "Stored"          // records the stream has acknowledged
	Storing         = "Storing"         // records read and not acknowledged by it yet
	Rejected        = "Rejected"        // records a receiver refused
	Connections     = "Connections"     // open ones

	Delivered    = "Delivered"    // records the far end took
	Filtered     = "Filtered"     // records the match spec dropped; of receivers, too
	DeadLettered = "DeadLettered" // records that became dead letters
	Retried      = "Retried"      // posts that have to be repeated
	InFlight     = "InFlight"     // posts being sent
	Paused       = "Paused"       // 1 while nothing is sent until somebody has acted

	// How long the posts of the last second took, milliseconds.
	DeliveryLatencyP50 = "DeliveryLatencyP50"
	DeliveryLatencyP95 = "DeliveryLatencyP95"
	DeliveryLatencyP99 = "DeliveryLatencyP99"
)

// What a sender tells of the process it is part of; see Reporter.Introduce. The value
// of both is when that process has started, unix seconds with milliseconds: it names
// the process among others of the same sender.
const (
	Started = "Started" // it is at work
	Stopped = "Stopped" // it has ended as it should, and this is its last word
)

// Part is the metric of that part of another one which has a certain cause, such as
// Rejected.hostname. Causes are few and fixed: each is a series.
func Part(metric, cause string) string { return metric + "." + cause }

// DefaultSubject is the core NATS subject of the events.
const DefaultSubject = "stats-events"

// Aggregate says how the events of one second become one.
type Aggregate string

const (
	Last    Aggregate = ""        // the last value stands
	Total   Aggregate = "Total"   // the sum
	Average Aggregate = "Average" // the mean
	Max     Aggregate = "Max"     // the largest; not known to the original, which takes it as Last
)

// Threshold tells a viewer from which value on a metric deserves attention, in
// the metric's own unit.
type Threshold struct {
	Warn  float64
	Error float64
}

// LagThreshold is what the original reports with Lag. It must not be changed.
var LagThreshold = &Threshold{Warn: 30, Error: 60}

// Event is one measurement. The order of the fields is the order on the wire.
type Event struct {
	Timestamp  int64 // unix seconds; 0 lets the Reporter set it
	Value      float64
	Sender     string
	SourceIP   string // where the sender runs: an address or a host name, may be empty
	MetricType string
	Threshold  *Threshold // null on the wire when nil
	Aggregate  Aggregate

	// Group is the sender's group where that is not the one such a program has
	// unless it is set otherwise. The original knew none: it is absent when empty.
	Group string `json:",omitempty"`

	// Version is that of the program, in Started and Stopped alone; absent when empty.
	Version string `json:",omitempty"`

	// Totals are those of a receiver, in Started and Stopped alone; absent when nil.
	Totals *Totals `json:",omitempty"`

	// Failure is the newest of an output, in Started and Stopped alone; absent when nil.
	Failure *Failure `json:",omitempty"`
}

// Failure is why an output's far end did not take a post.
type Failure struct {
	At   int64  // unix milliseconds
	Text string // MaxFailure bytes at most
}

// MaxFailure bounds the text of a Failure.
const MaxFailure = 500

// Totals say what became of all records that a receiver has read since its process has
// started, counted at one moment:
//
//	Received = Stored + Filtered + Rejected + InFlight
//
// Events may be lost, so sums of the others do not have to add up: these do.
type Totals struct {
	Received, Stored, Filtered, Rejected, InFlight uint64
}

// AppendJSON appends the event as it goes over the wire. An event whose value
// JSON cannot express (NaN, an infinity) is an error.
func (e Event) AppendJSON(dst []byte) ([]byte, error) {
	b, err := json.Marshal(e)
	if err != nil {
		return dst, fmt.Errorf("event %s of %s: %w", e.MetricType, e.Sender, err)
	}
	return append(dst, b...), nil
}

// ParseEvent reads an event. Missing keys and nulls are taken as zero, unknown
// keys are ignored, as the original's viewers do.
func ParseEvent(data []byte) (Event, error) {
	var e Event
	if err := json.Unmarshal(data, &e); err != nil {
		return Event{}, fmt.Errorf("event of %d bytes: %w", len(data), err)
	}
	return e, nil
}
