package stream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"
)

const (
	trimEvery   = time.Second
	trimTimeout = 5 * time.Second
)

// Trimmer removes from one stream what every group has settled and size or age
// ask for. Each subscriber runs one; they need no leader, since a purge up to a
// sequence may be repeated.
type Trimmer struct {
	js      jetstream.JetStream
	stream  string
	maxAge  time.Duration
	log     logrus.FieldLogger
	metrics *trimMetrics

	mu       sync.Mutex
	reason   map[string]string // what is not well, by kind; logged when it changes
	known    map[string]bool   // groups with a metric
	forecast Forecast
}

// NewTrimmer trims stream; settled messages older than maxAge go, 0 keeps them
// until the size asks for room. Several trimmers may share reg.
func NewTrimmer(js jetstream.JetStream, stream string, maxAge time.Duration, log logrus.FieldLogger, reg prometheus.Registerer) *Trimmer {
	return &Trimmer{
		js: js, stream: stream, maxAge: maxAge,
		log:     log.WithField("stream", stream),
		metrics: newTrimMetrics(reg),
		reason:  make(map[string]string),
		known:   make(map[string]bool),
	}
}

// Run trims each second until ctx ends; it returns nil then. A broker that does
// not answer is tried again.
func (t *Trimmer) Run(ctx context.Context) error {
	tick := time.NewTicker(trimEvery)
	defer tick.Stop()
	for {
		if err := t.Trim(ctx); err != nil && ctx.Err() == nil {
			t.log.WithError(err).Debug("stream not trimmed, trying again")
		}
		select {
		case <-ctx.Done():
			t.forget()
			return nil
		case <-tick.C:
		}
	}
}

// NotReady lists what an operator must act upon: a stream that is full and which
// group holds it, a stream without any group that fills up, a missing right.
func (t *Trimmer) NotReady() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var reasons []string
	for _, kind := range []string{reasonHeld, reasonRight} {
		if r := t.reason[kind]; r != "" {
			reasons = append(reasons, r)
		}
	}
	return reasons
}

// Trim looks at the stream once and purges what may go.
func (t *Trimmer) Trim(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, trimTimeout)
	defer cancel()
	s, err := t.js.Stream(ctx, t.stream)
	if err != nil {
		return apiError(t.js, "look up stream "+t.stream, err)
	}
	info := s.CachedInfo()
	consumers, err := Consumers(ctx, s)
	if err != nil {
		return apiError(t.js, "trim stream "+t.stream, err)
	}
	groups := Floors(info.State, consumers)
	t.report(info, groups)

	aged, err := t.aged(ctx, info.State, groups)
	if err != nil {
		return err
	}
	below := purgeBelow(info.State, info.Config.MaxBytes, aged, groups)
	if below == 0 {
		return nil
	}
	err = s.Purge(ctx, jetstream.WithPurgeSequence(below))
	if err != nil {
		err = apiError(t.js, fmt.Sprintf("purge stream %s below %d", t.stream, below), err)
	}
	var api *jetstream.APIError
	switch {
	case errors.Is(err, ErrForbidden), info.Config.DenyPurge && errors.As(err, &api):
		t.say(reasonRight, fmt.Sprintf("stream %s cannot be trimmed and will fill up: this NATS user may not purge it (allow $JS.API.STREAM.PURGE.%s)", t.stream, t.stream))
	case err == nil:
		t.say(reasonRight, "")
		t.metrics.purged.WithLabelValues(t.stream).Add(float64(below - info.State.FirstSeq))
		t.log.WithField("below", below).Debug("stream trimmed")
	}
	return err
}

// aged is the last sequence that is older than the age limit, 0 when none is or
// when a group still holds even the first. Finding it costs the server something,
// so the oldest may overstay by a hundredth of the limit, a minute at most.
func (t *Trimmer) aged(ctx context.Context, state jetstream.StreamState, groups []Floor) (uint64, error) {
	if t.maxAge <= 0 || state.Msgs == 0 || len(groups) == 0 || groups[0].Seq < state.FirstSeq {
		return 0, nil
	}
	limit := time.Now().Add(-t.maxAge)
	if state.FirstTime.After(limit.Add(-min(t.maxAge/100, time.Minute))) {
		return 0, nil
	}
	seq, err := SequenceAt(ctx, t.js, t.stream, limit)
	if err != nil {
		return 0, err
	}
	return seq - 1, nil
}

// Kinds of reasons. A stream that will be full soon is worth a warning, but
// nothing keeps anyone from working yet.
const (
	reasonHeld  = "held"
	reasonRight = "right"
	reasonSoon  = "soon"
)

// A stream that will be full within soon is warned of; when it is more than
// notSoon it is well again.
const (
	soon    = time.Hour
	notSoon = 2 * time.Hour
)

// report tells by metric how much each group holds, and by name who keeps a
// full stream full.
func (t *Trimmer) report(info *jetstream.StreamInfo, groups []Floor) {
	now := make(map[string]bool, len(groups))
	for _, g := range groups {
		now[g.Group] = true
		t.metrics.heldBy.WithLabelValues(t.stream, g.Group).Set(float64(held(info.State, g)))
	}
	for g := range t.known {
		if !now[g] {
			t.metrics.heldBy.DeleteLabelValues(t.stream, g)
		}
	}
	t.known = now

	reason := ""
	switch {
	case len(groups) == 0:
		reason = fmt.Sprintf("stream %s has no group and keeps everything until it is full", t.stream)
	case info.Config.Discard == jetstream.DiscardNew && full(info.State, info.Config.MaxBytes) && groups[0].Seq < oversize(info.State, info.Config.MaxBytes):
		reason = fmt.Sprintf("stream %s is full and held by group %s, which has not settled sequence %d; if the group is abandoned: nats consumer rm %s %s",
			t.stream, groups[0].Group, groups[0].Seq+1, t.stream, groups[0].Group)
	}
	t.say(reasonHeld, reason)
	t.predict(info, groups)
}

// predict tells when the stream will be full, and warns when that is soon.
func (t *Trimmer) predict(info *jetstream.StreamInfo, groups []Floor) {
	left, holder := t.forecast.Observe(time.Now(), info, groups)
	t.metrics.untilFull.WithLabelValues(t.stream).Set(Seconds(left))
	switch {
	case left > notSoon:
		t.say(reasonSoon, "")
	case left > 0 && left < soon:
		then := "refuses records"
		if info.Config.Discard == jetstream.DiscardOld {
			then = "loses records"
		}
		t.say(reasonSoon, fmt.Sprintf("stream %s is full and %s in %v at the present rate; group %s has settled least", t.stream, then, left.Round(time.Minute), holder))
	}
}

// held is how many stored messages a group has not settled.
func held(state jetstream.StreamState, g Floor) uint64 {
	if settled := max(g.Seq+1, state.FirstSeq); settled <= state.LastSeq {
		return state.LastSeq - settled + 1
	}
	return 0
}

// say keeps the reason of a kind and logs it when it is new.
func (t *Trimmer) say(kind, reason string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.reason[kind]
	t.reason[kind] = reason
	switch {
	case reason != "" && before == "":
		t.log.Warn(reason)
	case reason == "" && before != "":
		t.log.Info("no longer: " + before)
	}
}

func (t *Trimmer) forget() {
	for g := range t.known {
		t.metrics.heldBy.DeleteLabelValues(t.stream, g)
	}
	t.metrics.untilFull.DeleteLabelValues(t.stream)
}
