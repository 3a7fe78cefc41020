package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
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

// codeFull is JetStream's err_code for a stream that is full and drops nothing.
const codeFull = 10077

// PublishReplay stores one message in LM_REPLAY. While that is full it waits: its
// groups make room as they deliver.
func PublishReplay(ctx context.Context, js jetstream.JetStream, msg *nats.Msg) error {
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		_, err := js.PublishMsg(ctx, msg)
		var api *jetstream.APIError
		switch {
		case err == nil:
			return nil
		case !errors.As(err, &api) || api.ErrorCode != codeFull:
			return apiError(js, "publish a replay to "+msg.Subject, err)
		}
		if err := Pause(ctx, wait); err != nil {
			return err
		}
	}
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
