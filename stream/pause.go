package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// ErrCannotPause says that the NATS server is older than pauses are.
var ErrCannotPause = errors.New("consumers can be paused from nats-server 2.11 on")

// PauseGroup has the consumer of a group deliver nothing until a time, by which a pause
// that is under way is prolonged or shortened; the zero time ends it. What was
// delivered before goes on: its signs of life and acknowledgements count, but what
// is not acknowledged in time is delivered again only after the pause. The broker
// keeps the pause, whatever becomes of it, of the members, or of who asked for it.
// The error wraps jetstream.ErrConsumerNotFound when there is no such group.
func PauseGroup(ctx context.Context, js jetstream.JetStream, stream, group string, until time.Time) error {
	what := fmt.Sprintf("pause group %s of stream %s until %s", group, stream, until.UTC().Format(time.RFC3339))
	if until.IsZero() {
		what = fmt.Sprintf("resume group %s of stream %s", group, stream)
	}
	if version := js.Conn().ConnectedServerVersion(); !canPause(version) { // it would never answer
		return fmt.Errorf("%s: %w, this one is %s", what, ErrCannotPause, version)
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	var err error
	if until.IsZero() {
		_, err = js.ResumeConsumer(ctx, stream, group)
	} else {
		_, err = js.PauseConsumer(ctx, stream, group, until)
	}
	if err != nil {
		return apiError(js, what, err)
	}
	return nil
}

// canPause reads the version of a server; one that is not known may.
func canPause(version string) bool {
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil {
		return true
	}
	return major > 2 || major == 2 && minor >= 11
}
