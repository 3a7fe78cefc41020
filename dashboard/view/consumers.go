package view

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/stream"
)

// maxStreams bounds how many streams are looked at: others may share the server.
const maxStreams = 256

// Report is what JetStream says of streams and groups. Numbers of groups are of
// blocks, not of records.
type Report struct {
	At      *time.Time `json:"at"` // when it was asked; null: never with success
	Streams []Stream   `json:"streams"`
	Error   *Problem   `json:"error,omitempty"` // why there is nothing newer
}

// Problem is why something could not be had.
type Problem struct {
	Title  string `json:"title"`
	Detail string `json:"detail"`
}

// Stream is a stream of records.
type Stream struct {
	Name     string   `json:"name"`
	Subject  string   `json:"subject"` // several are joined by commas
	First    uint64   `json:"first"`   // sequences
	Last     uint64   `json:"last"`
	Messages uint64   `json:"messages"` // blocks
	Bytes    uint64   `json:"bytes"`
	MaxBytes int64    `json:"max_bytes"` // -1: no limit
	Replicas int      `json:"replicas"`
	WhenFull string   `json:"when_full"` // refuse or expire
	Left     *float64 `json:"left_s"`    // until it is full at the rate of the last minute; null: it does not come to that, or is not known yet
	HeldBy   string   `json:"held_by"`   // the group that has settled least
	Dead     *Dead    `json:"dead"`      // null: there is no stream for dead letters yet
	Groups   []Group  `json:"groups"`
	Error    string   `json:"error,omitempty"` // why the groups are not known
}

// Dead is the stream of a stream's dead letters.
type Dead struct {
	Messages uint64 `json:"messages"`
	Bytes    uint64 `json:"bytes"`
	MaxBytes int64  `json:"max_bytes"`
}

// Group is a durable consumer of a stream.
type Group struct {
	Name          string     `json:"name"`
	Created       time.Time  `json:"created"`
	Pending       uint64     `json:"pending"` // blocks not delivered yet
	Unacked       int        `json:"unacked"` // blocks delivered and not settled
	Limit         int        `json:"limit"`   // of unacked
	Redelivered   int        `json:"redelivered"`
	AckFloor      uint64     `json:"ack_floor"` // sequence up to which all is settled
	Delivered     uint64     `json:"delivered"` // last sequence delivered
	Waiting       int        `json:"waiting"`   // requests for more
	AckWait       float64    `json:"ack_wait_s"`
	LastDelivered *time.Time `json:"last_delivered"`
	LastAck       *time.Time `json:"last_ack"`
	Paused        bool       `json:"paused"`
	PausedUntil   *time.Time `json:"paused_until"` // null: not paused
}

// consumers is the last report.
type consumers struct {
	mu        sync.Mutex // held while JetStream is asked
	asked     time.Time
	report    Report
	text      []byte
	forecasts map[string]*stream.Forecast
}

// JSON is the newest Report, not older than 5 s unless it says so. Who comes while
// JetStream is being asked waits for the answer.
func (v *View) JSON(ctx context.Context) ([]byte, error) {
	c := &v.consumers
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.asked.IsZero() && time.Since(c.asked) < askEvery {
		return c.text, nil
	}
	bounded, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	streams, err := v.streams(bounded)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	now := time.Now()
	if c.asked = now; err == nil {
		at := now.UTC()
		c.report = Report{At: &at, Streams: streams}
	} else {
		c.report.Error = &Problem{Title: "streams and groups could not be read", Detail: err.Error()}
	}
	if c.report.Streams == nil {
		c.report.Streams = []Stream{}
	}
	c.text, err = json.Marshal(c.report)
	return c.text, err
}

// streams asks for all streams of records.
func (v *View) streams(ctx context.Context) ([]Stream, error) {
	lister := v.js.StreamNames(ctx)
	names := make(map[string]bool)
	for name := range lister.Name() {
		if len(names) < maxStreams {
			names[name] = true
		}
	}
	if err := lister.Err(); err != nil {
		return nil, fmt.Errorf("list streams: %w", err)
	}
	var list []Stream
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if strings.HasPrefix(name, "LM_") || strings.HasPrefix(name, "KV_") || strings.HasPrefix(name, "OBJ_") {
			continue
		}
		s, err := v.js.Stream(ctx, name)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("look up stream %s: %w", name, err)
		}
		info := s.CachedInfo()
		if !names[stream.DeadName(name)] && !stream.IsMain(info.Config) {
			continue // not of records
		}
		one, err := v.stream(ctx, s, info)
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, nil
}

func (v *View) stream(ctx context.Context, s jetstream.Stream, info *jetstream.StreamInfo) (Stream, error) {
	name := info.Config.Name
	one := Stream{
		Name: name, Subject: strings.Join(info.Config.Subjects, ", "), First: info.State.FirstSeq, Last: info.State.LastSeq,
		Messages: info.State.Msgs, Bytes: info.State.Bytes, MaxBytes: info.Config.MaxBytes, Replicas: info.Config.Replicas,
		WhenFull: stream.WhenFullRefuse, Groups: []Group{},
	}
	if info.Config.Discard == jetstream.DiscardOld {
		one.WhenFull = stream.WhenFullExpire
	}
	dead, err := v.js.Stream(ctx, stream.DeadName(name))
	switch {
	case err == nil:
		is := dead.CachedInfo()
		one.Dead = &Dead{Messages: is.State.Msgs, Bytes: is.State.Bytes, MaxBytes: is.Config.MaxBytes}
	case !errors.Is(err, jetstream.ErrStreamNotFound):
		return one, fmt.Errorf("look up stream %s: %w", stream.DeadName(name), err)
	}
	found, err := stream.Consumers(ctx, s)
	if err != nil {
		if ctx.Err() != nil {
			return one, err
		}
		one.Error = err.Error() // the others are shown all the same
		return one, nil
	}
	slices.SortFunc(found, func(a, b *jetstream.ConsumerInfo) int { return strings.Compare(a.Name, b.Name) })
	for _, c := range found {
		if c.Config.Durable != "" && c.Config.AckPolicy == jetstream.AckExplicitPolicy {
			one.Groups = append(one.Groups, groupOf(c))
		}
	}
	if v.consumers.forecasts == nil {
		v.consumers.forecasts = make(map[string]*stream.Forecast)
	}
	f := v.consumers.forecasts[name]
	if f == nil {
		f = new(stream.Forecast)
		v.consumers.forecasts[name] = f
	}
	left, holder := f.Observe(time.Now(), info, stream.Floors(info.State, found))
	if one.HeldBy = holder; left < stream.NeverFull {
		seconds := left.Seconds()
		one.Left = &seconds
	}
	return one, nil
}

func groupOf(c *jetstream.ConsumerInfo) Group {
	var until *time.Time // the server keeps it after a pause is over
	if c.Paused {
		until = c.Config.PauseUntil
	}
	return Group{
		Name: c.Name, Created: c.Created, Pending: c.NumPending, Unacked: c.NumAckPending, Limit: c.Config.MaxAckPending,
		Redelivered: c.NumRedelivered, AckFloor: c.AckFloor.Stream, Delivered: c.Delivered.Stream, Waiting: c.NumWaiting,
		AckWait: c.Config.AckWait.Seconds(), LastDelivered: c.Delivered.Last, LastAck: c.AckFloor.Last, Paused: c.Paused, PausedUntil: until,
	}
}
