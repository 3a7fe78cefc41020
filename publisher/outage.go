package publisher

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// This file is what the sender does when something is not stored: it waits, sends
// again, holds up the callers and lets them go on.

const (
	healEvery   = 5 * time.Second // how often a missing stream is created again
	healTimeout = 5 * time.Second
	sayEvery    = 10 * time.Second // how often an opening breaker is worth a warning
)

// failed records that a send of b was refused, could not be made or was not answered.
func (s *sender) failed(b *block, err error, now time.Time) {
	if errors.Is(err, errSilent) {
		b.silent++
	} else {
		b.fails++
	}
	b.refused = true
	b.due = now.Add(min(firstProbe<<min(max(b.fails, 1)-1, 8), maxProbe))
	var r *refusal
	full := errors.As(err, &r) && r.full()
	s.metrics.failedSend(reasonOf(err))
	if !full && b != s.oldest() {
		return
	}
	s.cause = err
	if s.breaker.failed(now, full) {
		s.shut(now)
	} else if s.breaker.open {
		s.announce()
	}
	if errors.Is(err, errNoStream) {
		s.createMissing(now)
	}
}

// look sends again what is due. While the breaker is open that is the oldest block alone.
func (s *sender) look(now time.Time) {
	s.watch(now)
	if s.breaker.open {
		if b := s.oldest(); b != nil && s.breaker.probe(now) {
			s.send(b, now)
		}
		return
	}
	for _, b := range s.flight {
		if b == nil || now.Before(b.due) {
			continue
		}
		if !b.refused {
			s.failed(b, errSilent, now)
		}
		if s.breaker.open {
			return
		}
		s.send(b, now)
	}
}

// watch notices that the connection was lost or came back. Either way answers to
// what is in flight went astray: all of it is sent again.
func (s *sender) watch(now time.Time) {
	connected, reconnects := s.nc.IsConnected(), s.nc.Stats().Reconnects
	lost, back := s.connected && !connected, reconnects != s.reconnects
	s.connected, s.reconnects = connected, reconnects
	if back {
		s.setLimit()
		s.breaker.retry(now)
	}
	for _, b := range s.flight {
		switch {
		case b == nil:
		case back:
			b.refused, b.due = true, now
		case lost && !b.refused:
			s.failed(b, nats.ErrDisconnected, now)
		}
	}
}

// shut is what follows when the breaker opens: callers wait, intakes refuse.
func (s *sender) shut(now time.Time) {
	s.openSince = now
	s.hold(true)
	s.announce()
	s.metrics.opened()
	entry := s.log.WithError(s.cause).WithField("blocks", len(s.flight))
	if now.Sub(s.said) < sayEvery {
		entry.Debug("nothing can be stored, trying on")
		return
	}
	s.said = now
	entry.Warn("nothing can be stored, what was accepted is kept and sent again")
}

// reopen is what follows when it closes: all that was held is sent.
func (s *sender) reopen(now time.Time) {
	s.hold(false)
	s.unavailable.Store(nil)
	s.metrics.closed()
	s.log.WithField("after", now.Sub(s.openSince).Round(time.Millisecond)).Info("stored again")
	for _, b := range s.flight {
		if b != nil && b.refused {
			b.due = now
		}
	}
	s.look(now)
}

func (s *sender) announce() {
	err := fmt.Errorf("nothing can be stored on %s since %s: %w", s.subject, s.openSince.UTC().Format(time.RFC3339), s.cause)
	s.unavailable.Store(&err)
}

func (s *sender) hold(held bool) {
	s.window.mu.Lock()
	s.window.held = held
	s.window.mu.Unlock()
	signal(s.space)
}

// createMissing looks for the stream, and creates it when it was deleted, beside
// the sender: the broker may take its time.
func (s *sender) createMissing(now time.Time) {
	if s.ensure == nil || now.Sub(s.healed) < healEvery || s.ctx.Err() != nil {
		return
	}
	s.healed = now
	s.heal.Go(func() {
		ctx, cancel := context.WithTimeout(s.ctx, healTimeout)
		defer cancel()
		if err := s.ensure(ctx); err != nil {
			s.log.WithError(err).Debug("the stream is still missing")
		}
	})
}
