package ledger

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/stream"
)

// stateStream is the stream behind the bucket of states.
const stateStream = "KV_" + stream.StateBucket

// stateSubject is where that stream has the state of a group.
func stateSubject(main, group string) string {
	return "$KV." + stream.StateBucket + "." + stream.LedgerKey(main, group)
}

// lastOf is the last message that a stream has of subject, nil without one. Its
// leader is asked: an old state, as a replica that is behind may have it, beside a
// ledger that was purged since looks like blocks nobody has settled.
func lastOf(ctx context.Context, js jetstream.JetStream, name, subject string) (*jetstream.RawStreamMsg, error) {
	last, err := stream.Last(ctx, js, name, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	return last, err
}
