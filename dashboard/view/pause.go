package view

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"

	"lagermeister/dashboard"
	"lagermeister/deadletter"
	"lagermeister/stream"
)

// Pauser pauses and resumes the groups of a View's report, and keeps in the audit
// who did. It is safe for concurrent use.
type Pauser struct {
	view *View
	log  logrus.FieldLogger
}

// Pauser of the groups that v sees.
func (v *View) Pauser(log logrus.FieldLogger) *Pauser {
	return &Pauser{view: v, log: log.WithField("component", "dashboard")}
}

// paused is the filter of an audit entry: which group, and until when.
type paused struct {
	Group string     `json:"group"`
	Until *time.Time `json:"until,omitempty"`
}

// Pause has a group get nothing until a time; the zero one ends a pause. Nothing is
// done for groups that are not in the report, or when it cannot be kept who did it.
func (p *Pauser) Pause(ctx context.Context, name, group string, until time.Time, who string) error {
	if err := p.view.lists(ctx, name, group); err != nil {
		return err
	}
	action, filter, log := "resume", paused{Group: group}, p.log.WithFields(logrus.Fields{"stream": name, "group": group, "who": who})
	if !until.IsZero() {
		action, filter.Until, log = "pause", &until, log.WithField("until", until)
	}
	err := deadletter.Audited(ctx, p.view.js, p.log, deadletter.Audit{Who: who, Action: action, Stream: name, Filter: filter}, func() (any, error) {
		return nil, stream.PauseGroup(ctx, p.view.js, name, group, until)
	})
	switch {
	case errors.Is(err, jetstream.ErrConsumerNotFound): // deleted since
		return fmt.Errorf("%w: %w", dashboard.ErrNoGroup, err)
	case errors.Is(err, stream.ErrCannotPause):
		return fmt.Errorf("%w: %w", dashboard.ErrCannotPause, err)
	case err != nil:
		return err
	}
	log.Infof("group %sd", action)
	p.view.forget()
	return nil
}

// lists is nil when the report has a group.
func (v *View) lists(ctx context.Context, name, group string) error {
	if _, err := v.JSON(ctx); err != nil {
		return err
	}
	v.consumers.mu.Lock()
	defer v.consumers.mu.Unlock()
	r := &v.consumers.report
	if r.Error != nil {
		return fmt.Errorf("%s: %s", r.Error.Title, r.Error.Detail)
	}
	for _, s := range r.Streams {
		switch {
		case s.Name != name:
		case s.Error != "":
			return errors.New(s.Error)
		case slices.ContainsFunc(s.Groups, func(g Group) bool { return g.Name == group }):
			return nil
		}
	}
	return fmt.Errorf("%w %q of stream %q", dashboard.ErrNoGroup, group, name)
}

// forget has the next who looks see what was changed.
func (v *View) forget() {
	v.consumers.mu.Lock()
	defer v.consumers.mu.Unlock()
	v.consumers.asked = time.Time{}
}
