package stream

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Next asks the leader of a stream for the first message from sequence from on
// whose subject falls under pattern. Without one the error is
// jetstream.ErrMsgNotFound.
func Next(ctx context.Context, js jetstream.JetStream, name, pattern string, from uint64) (*jetstream.RawStreamMsg, error) {
	return askLeader(ctx, js, name, fmt.Sprintf("the next %s of stream %s from sequence %d on", pattern, name, from), from, struct {
		Sequence uint64 `json:"seq"`
		Pattern  string `json:"next_by_subj"`
	}{from, pattern})
}

// Last asks the leader of a stream for the last message of subject. Without one
// the error is jetstream.ErrMsgNotFound, without the stream ErrStreamNotFound. (A
// direct get, which buckets allow, may be answered by a replica that is behind.)
func Last(ctx context.Context, js jetstream.JetStream, name, subject string) (*jetstream.RawStreamMsg, error) {
	return askLeader(ctx, js, name, fmt.Sprintf("the last %s of stream %s", subject, name), 1, struct {
		Subject string `json:"last_by_subj"`
	}{subject})
}

// askLeader asks for what, a message of at least sequence from.
func askLeader(ctx context.Context, js jetstream.JetStream, name, what string, from uint64, question any) (*jetstream.RawStreamMsg, error) {
	failed := func(err error) error { return apiError(js, "read "+what, err) }
	ask, err := json.Marshal(question)
	if err != nil {
		return nil, failed(err)
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	msg, err := js.Conn().RequestWithContext(ctx, jetstream.DefaultAPIPrefix+"STREAM.MSG.GET."+name, ask)
	if err != nil {
		return nil, failed(err)
	}
	var answer struct {
		Error   *jetstream.APIError `json:"error"`
		Message struct {
			Subject  string    `json:"subject"`
			Sequence uint64    `json:"seq"`
			Header   []byte    `json:"hdrs"`
			Data     []byte    `json:"data"`
			Time     time.Time `json:"time"`
		} `json:"message"`
	}
	if err := json.Unmarshal(msg.Data, &answer); err != nil {
		return nil, failed(err)
	}
	found := &answer.Message
	switch e := answer.Error; {
	case e != nil && e.ErrorCode == jetstream.JSErrCodeMessageNotFound:
		return nil, jetstream.ErrMsgNotFound
	case e != nil:
		return nil, failed(e)
	case found.Sequence < from:
		return nil, failed(fmt.Errorf("answer of %d bytes has sequence %d", len(msg.Data), found.Sequence))
	}
	m := &jetstream.RawStreamMsg{Subject: found.Subject, Sequence: found.Sequence, Data: found.Data, Time: found.Time}
	if len(found.Header) > 0 {
		if m.Header, err = nats.DecodeHeadersMsg(found.Header); err != nil {
			return nil, failed(err)
		}
	}
	return m, nil
}
