package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/stream"
)

// stateStream is the stream behind the bucket of states.
const stateStream = "KV_" + stream.StateBucket

// stateSubject is where that stream has the state of a group.
func stateSubject(main, group string) string {
	return "$KV." + stream.StateBucket + "." + stream.LedgerKey(main, group)
}

// kept is a message as JetStream's API shows it.
type kept struct {
	Sequence uint64 `json:"seq"`
	Header   []byte `json:"hdrs"`
	Data     []byte `json:"data"`
	Deleted  bool   `json:"-"` // of a bucket: the key was removed
}

// askWithin bounds a question to JetStream; without the right to ask it goes unanswered.
const askWithin = 5 * time.Second

// lastOf is the last message that a stream has of subject, nil without one. Its
// leader is asked: a direct get, which buckets allow, may be answered by a
// replica that is behind, and an old state beside a ledger that was purged since
// looks like blocks nobody has settled.
func lastOf(ctx context.Context, js jetstream.JetStream, name, subject string) (*kept, error) {
	what := func(err error) error { return fmt.Errorf("read the last %s of stream %s: %w", subject, name, err) }
	ask, err := json.Marshal(map[string]string{"last_by_subj": subject})
	if err != nil {
		return nil, what(err)
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	msg, err := js.Conn().RequestWithContext(ctx, jetstream.DefaultAPIPrefix+"STREAM.MSG.GET."+name, ask)
	if err != nil {
		return nil, what(err)
	}
	var answer struct {
		Error   *jetstream.APIError `json:"error"`
		Message *kept               `json:"message"`
	}
	if err := json.Unmarshal(msg.Data, &answer); err != nil {
		return nil, what(err)
	}
	switch e := answer.Error; {
	case e != nil && (e.ErrorCode == jetstream.JSErrCodeMessageNotFound || e.ErrorCode == jetstream.JSErrCodeStreamNotFound):
		return nil, nil
	case e != nil:
		return nil, what(e)
	case answer.Message == nil:
		return nil, what(fmt.Errorf("answer of %d bytes without a message", len(msg.Data)))
	}
	answer.Message.Deleted = bytes.Contains(answer.Message.Header, []byte("KV-Operation: "))
	return answer.Message, nil
}
