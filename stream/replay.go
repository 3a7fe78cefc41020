package stream

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// maxReplayPending bounds the replays that a group's members hold together.
const maxReplayPending = 1000

// EnsureReplayConsumer returns the consumer through which a group takes replays,
// and creates it when there is none. LM_REPLAY must exist.
func EnsureReplayConsumer(ctx context.Context, js jetstream.JetStream, stream, group string) (jetstream.Consumer, error) {
	group = Clean(group)
	c, err := js.CreateOrUpdateConsumer(ctx, Replay, jetstream.ConsumerConfig{
		Durable:       ReplayDurable(stream, group),
		Description:   fmt.Sprintf("replays for group %s of stream %s", group, stream),
		FilterSubject: ReplaySubject(stream, group),
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       AckWait,
		MaxAckPending: maxReplayPending,
		MaxDeliver:    -1,
	})
	if err != nil {
		return nil, apiError(js, fmt.Sprintf("create consumer %s of %s", ReplayDurable(stream, group), Replay), err)
	}
	return c, nil
}

// TakesReplays reports whether a group has the consumer that takes replays: what
// is published for one without it would stay for ever.
func TakesReplays(ctx context.Context, js jetstream.JetStream, stream, group string) (bool, error) {
	_, err := js.Consumer(ctx, Replay, ReplayDurable(stream, Clean(group)))
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, jetstream.ErrConsumerNotFound), errors.Is(err, jetstream.ErrStreamNotFound):
		return false, nil
	}
	return false, apiError(js, "look up the replays of group "+group, err)
}

// DropReplays removes a group's consumer of replays and what waits for it.
func DropReplays(ctx context.Context, js jetstream.JetStream, stream, group string) error {
	group = Clean(group)
	if err := js.DeleteConsumer(ctx, Replay, ReplayDurable(stream, group)); err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return apiError(js, "delete consumer "+ReplayDurable(stream, group), err)
	}
	s, err := js.Stream(ctx, Replay)
	if err == nil {
		err = s.Purge(ctx, jetstream.WithPurgeSubject(ReplaySubject(stream, group)))
	}
	if err != nil {
		return apiError(js, "purge "+ReplaySubject(stream, group), err)
	}
	return nil
}
