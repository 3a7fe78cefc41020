package deadletter

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"

	"lagermeister/stream"
)

// Audit is an entry of LM_AUDIT: who did what to the records of a stream. Each
// action has two, one before it touches anything and one when it has ended.
type Audit struct {
	Time   time.Time `json:"time"`
	Run    string    `json:"run"` // the same in both
	Who    string    `json:"who"`
	Action string    `json:"action"` // replay, drop, window (of the stream), or pause and resume (of a group)
	State  string    `json:"state"`  // begun, done or failed
	Stream string    `json:"stream"`
	Filter any       `json:"filter"`
	Counts any       `json:"counts,omitempty"`
	Error  string    `json:"error,omitempty"`
}

// Audited does something that must be kept in LM_AUDIT: when that cannot be
// written nothing is done. The counts that do returns are kept, also when it fails.
func Audited(ctx context.Context, js jetstream.JetStream, log logrus.FieldLogger, a Audit, do func() (counts any, err error)) error {
	s, err := js.Stream(ctx, a.Stream)
	if err != nil {
		return fmt.Errorf("look up stream %s: %w", a.Stream, err)
	}
	// The audit is as safe as what it tells of.
	cfg := stream.Config{StreamReplicas: max(s.CachedInfo().Config.Replicas, 1)}
	if err := stream.EnsureAudit(ctx, js, cfg, log); err != nil {
		return err
	}
	run := make([]byte, 8)
	for i := range run {
		run[i] = byte(rand.Uint32())
	}
	a.Run, a.State = hex.EncodeToString(run), "begun"
	if err := a.store(ctx, js); err != nil {
		return fmt.Errorf("nothing was done, since it cannot be kept who does it: %w", err)
	}
	var failed error
	a.State = "done"
	if a.Counts, failed = do(); failed != nil {
		a.State, a.Error = "failed", failed.Error()
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := a.store(end, js); err != nil {
		log.WithError(err).WithField("run", a.Run).Warn("the end of an audited action is not kept, its beginning is")
	}
	return failed
}

// Audits returns the newest entries of LM_AUDIT, the newest first, limit at most.
// They are read one by one, from the end, through no consumer.
func Audits(ctx context.Context, js jetstream.JetStream, limit int) (list []Audit, err error) {
	s, err := js.Stream(ctx, stream.Audit)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil // nothing was ever changed
	}
	if err != nil {
		return nil, fmt.Errorf("look up stream %s: %w", stream.Audit, err)
	}
	state := s.CachedInfo().State
	for seq := state.LastSeq; seq >= max(state.FirstSeq, 1) && len(list) < limit; seq-- {
		msg, err := s.GetMsg(ctx, seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read entry %d of %s: %w", seq, stream.Audit, err)
		}
		var a Audit
		if json.Unmarshal(msg.Data, &a) == nil { // else not written by us
			list = append(list, a)
		}
	}
	return list, nil
}

func (a *Audit) store(ctx context.Context, js jetstream.JetStream) error {
	a.Time = time.Now().UTC()
	body, err := json.Marshal(a)
	if err == nil {
		_, err = js.Publish(ctx, stream.AuditSubject(a.Stream), body)
	}
	if err != nil {
		return fmt.Errorf("write to %s: %w", stream.Audit, err)
	}
	return nil
}
