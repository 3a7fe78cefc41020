package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"
)

// Limits of every group's consumer. MaxAckPending is for the group, not for each member.
const (
	AckWait       = 60 * time.Second
	MaxAckPending = 20_000
)

// StartOptions say where a new group starts; a group that exists resumes. They
// keep the names and the order of precedence they had with NATS Streaming:
// START_SEQ, DELIVER_LAST, DELIVER_ALL, START_DELTA, and without any the new records only.
type StartOptions struct {
	StartSeq    uint64        `envconfig:"START_SEQ" original:"true" desc:"a new group starts at this stream sequence; 0 = unset"`
	DeliverLast bool          `envconfig:"DELIVER_LAST" original:"true" desc:"a new group starts at the last stored block"`
	DeliverAll  bool          `envconfig:"DELIVER_ALL" original:"true" desc:"a new group starts at the first stored block"`
	StartDelta  time.Duration `envconfig:"START_DELTA" original:"true" desc:"a new group starts with what was stored this long ago"`

	// AllByDefault is set by programs whose new groups start at the first stored
	// block when no option is given.
	AllByDefault bool `ignored:"true"`
}

// Validate refuses a delta into the future.
func (o *StartOptions) Validate() error {
	if o.StartDelta < 0 {
		return fmt.Errorf("START_DELTA=%v: expected 0 or more", o.StartDelta)
	}
	return nil
}

// given says whether an option was set at all.
func (o StartOptions) given() bool {
	return o.StartSeq > 0 || o.DeliverLast || o.DeliverAll || o.StartDelta > 0
}

// sequence resolves o against the state of a stream. since is the first sequence
// stored at or after now - StartDelta. Nothing below the first stored sequence is
// chosen, since it could neither be delivered nor count as expired, and nothing
// above last+1: there a consumer would silently skip what comes before it.
func (o StartOptions) sequence(s jetstream.StreamState, since uint64) uint64 {
	first, next := max(s.FirstSeq, 1), s.LastSeq+1
	if s.Msgs == 0 {
		first = next
	}
	switch {
	case o.StartSeq > 0:
		return min(max(o.StartSeq, first), next)
	case o.DeliverLast:
		return max(s.LastSeq, first)
	case o.DeliverAll:
		return first
	case o.StartDelta > 0:
		return min(max(since, first), next)
	case o.AllByDefault:
		return first
	}
	return next
}

// EnsureConsumer returns the durable consumer of a group and creates it when
// there is none, always with by_start_sequence. group is cleaned to a name.
//
// epoch is the consumer's creation time in unix nanoseconds and baseline the
// first sequence that is its affair: together they name this life of the group.
// An existing consumer keeps its place; only its tunables are brought up to date,
// and start options that no longer count are named in one info line. One that
// cannot serve a group (push, another ack policy, a filter) is an *Error with
// exit code 78.
func EnsureConsumer(ctx context.Context, js jetstream.JetStream, stream, group string, start StartOptions, log logrus.FieldLogger) (c jetstream.Consumer, epoch int64, baseline uint64, err error) {
	group = Clean(group)
	what := fmt.Sprintf("consumer %s of stream %s", group, stream)
	log = log.WithFields(logrus.Fields{"stream": stream, "group": group})
	for range 3 {
		c, err = js.Consumer(ctx, stream, group)
		switch {
		case errors.Is(err, jetstream.ErrConsumerNotFound):
			c, err = createConsumer(ctx, js, stream, group, start)
			if errors.Is(err, jetstream.ErrConsumerExists) {
				continue // another member was faster
			}
			if err == nil {
				log.WithField("start", c.CachedInfo().Config.OptStartSeq).Info("group created")
			}
		case errors.Is(err, jetstream.ErrNotPullConsumer):
			return nil, 0, 0, misconfigured("%s is a push consumer; delete it (nats consumer rm %s %s) or choose another group", what, stream, group)
		case err == nil:
			c, err = resume(ctx, js, stream, c.CachedInfo(), start, log)
			if errors.Is(err, jetstream.ErrConsumerDoesNotExist) || errors.Is(err, jetstream.ErrConsumerNotFound) {
				continue // deleted in between
			}
		}
		break
	}
	var known *Error
	switch {
	case errors.As(err, &known):
		return nil, 0, 0, err
	case err != nil:
		return nil, 0, 0, apiError(js, "create "+what, err)
	}
	info := c.CachedInfo()
	return c, info.Created.UnixNano(), max(info.Config.OptStartSeq, 1), nil
}

// groupConfig is what every group's consumer looks like, less where it starts.
func groupConfig(group string) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		Durable:       group,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       AckWait,
		MaxAckPending: MaxAckPending,
		MaxDeliver:    -1,
	}
}

func createConsumer(ctx context.Context, js jetstream.JetStream, stream, group string, start StartOptions) (jetstream.Consumer, error) {
	since := uint64(0)
	if start.StartDelta > 0 {
		var err error
		if since, err = SequenceAt(ctx, js, stream, time.Now().Add(-start.StartDelta)); err != nil {
			return nil, err
		}
	}
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return nil, err
	}
	cfg := groupConfig(group)
	cfg.DeliverPolicy = jetstream.DeliverByStartSequencePolicy
	cfg.OptStartSeq = start.sequence(s.CachedInfo().State, since)
	return js.CreateConsumer(ctx, stream, cfg)
}

// resume brings the tunables of an existing consumer up to date. JetStream
// refuses a change of the others (error 10012), so they are copied.
func resume(ctx context.Context, js jetstream.JetStream, stream string, info *jetstream.ConsumerInfo, start StartOptions, log logrus.FieldLogger) (jetstream.Consumer, error) {
	is := info.Config
	if is.AckPolicy != jetstream.AckExplicitPolicy || is.FilterSubject != "" || len(is.FilterSubjects) > 0 {
		return nil, misconfigured("consumer %s of stream %s was made for something else (ack policy %v, filter %q): delete it (nats consumer rm %s %s) or choose another group",
			info.Name, stream, is.AckPolicy, append(is.FilterSubjects, is.FilterSubject), stream, info.Name)
	}
	if start.given() {
		log.WithField("acknowledged_to", info.AckFloor.Stream).Info("the group exists and resumes, its start options count only for a new one")
	}
	want := is
	tunables := groupConfig(info.Name)
	want.AckWait, want.MaxAckPending, want.MaxDeliver = tunables.AckWait, tunables.MaxAckPending, tunables.MaxDeliver
	want.BackOff, want.InactiveThreshold = nil, 0
	c, err := js.UpdateConsumer(ctx, stream, want)
	if err != nil {
		return nil, err
	}
	// The answer to an update is what the server knew as it recovered the consumer:
	// its creation is then the server's own start (nats-server 2.15, initialInfo).
	_, err = c.Info(ctx)
	return c, err
}

// SequenceAt is the first sequence of stream stored at or after t, or its last
// sequence plus one when there is none. JetStream answers such a question only
// to a consumer, so one is made for a moment.
func SequenceAt(ctx context.Context, js jetstream.JetStream, stream string, t time.Time) (uint64, error) {
	c, err := js.CreateConsumer(ctx, stream, jetstream.ConsumerConfig{
		DeliverPolicy:     jetstream.DeliverByStartTimePolicy,
		OptStartTime:      &t,
		AckPolicy:         jetstream.AckNonePolicy,
		HeadersOnly:       true,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: 5 * time.Second,
	})
	if err != nil {
		return 0, apiError(js, fmt.Sprintf("find the first message of stream %s from %s on", stream, t.Format(time.RFC3339)), err)
	}
	info := c.CachedInfo()
	if err := js.DeleteConsumer(ctx, stream, info.Name); err != nil && ctx.Err() != nil {
		return 0, context.Cause(ctx)
	} // otherwise it goes by itself
	return info.Delivered.Stream + 1, nil
}
