package subscriber

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/stream"
)

// askMembers is how long a leaving member waits for the word of another. Without a
// word, be it of the broker that there is none, there may be one.
const askMembers = 2 * time.Second

// attend makes known that a group has a member on a stream: while it is subscribed
// the broker tells who asks that somebody is there, however long that one takes to
// answer.
func attend(nc *nats.Conn, name, group string) (*nats.Subscription, error) {
	sub, err := nc.Subscribe(stream.MemberSubject(name, group), func(m *nats.Msg) {
		_ = m.Respond(nil) // only to be quick
	})
	if err != nil {
		return nil, fmt.Errorf("attend group %s of stream %s: %w", group, name, err)
	}
	return sub, nil
}

// leave ends membership. returned is how many blocks were given back.
func (m *Subscriber) leave(returned int) {
	for _, s := range m.open() {
		s.member.Unsubscribe()
		if m.cfg.Unsubscribe {
			s.deleteGroup(returned)
		}
	}
}

// deleteGroup deletes the group unless it has another member.
func (s *source) deleteGroup(returned int) {
	ctx, cancel := context.WithTimeout(context.Background(), askMembers+5*time.Second)
	defer cancel()
	others, err := s.others(ctx, returned)
	if others {
		s.log.Info("group kept: it has other members")
		return
	}
	if err == nil {
		err = s.js.DeleteConsumer(ctx, s.stream, s.group)
	}
	if err == nil && s.replays != nil {
		err = stream.DropReplays(ctx, s.js, s.stream, s.group)
	}
	if err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) { // else the other was faster
		s.log.WithError(err).Warn("group not deleted")
		return
	}
	s.log.Info("group deleted")
}

// others looks for members that attend, for whoever else waits for blocks, and for
// blocks in the hands of a member that died: more than the returned ones are
// unacknowledged then.
func (s *source) others(ctx context.Context, returned int) (bool, error) {
	ask, cancel := context.WithTimeout(ctx, askMembers)
	defer cancel()
	switch _, err := s.nc.RequestWithContext(ask, stream.MemberSubject(s.stream, s.group), nil); {
	case err == nil, errors.Is(err, context.DeadlineExceeded):
		return true, nil
	case !errors.Is(err, nats.ErrNoResponders):
		return false, err
	}
	holding := true
	for range 5 {
		info, err := s.consumer.Info(ctx)
		if err != nil {
			return false, err
		}
		if info.NumWaiting > 0 {
			return true, nil
		}
		holding = holding && info.NumAckPending > returned // acks may still be on their way
		sleep(ctx, 50*time.Millisecond)
	}
	return holding, nil
}
