package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/stream"
)

// foldStep is how many settlement messages are counted in before the state is
// written, so that a long backlog is worked off in steps that each help.
const foldStep = 2000

var (
	errOvertaken = errors.New("another folder was faster")
	errGap       = errors.New("a settlement is missing in between")
)

// Folder adds up the settlements of one group and stream. Any number of folders
// may work on the same group: the state is written by compare-and-set, and
// settlements are removed only after a state that counts them is stored.
type Folder struct {
	Stream, Group string
	Epoch         int64  // of the group's present consumer; 0 when not known
	Baseline      uint64 // that consumer's first sequence

	JS jetstream.JetStream
	KV jetstream.KeyValue // the bucket stream.StateBucket
}

// Fold counts in everything that is in LM_LEDGER when it is called, removes it
// from there and returns the state.
func (f *Folder) Fold(ctx context.Context) (State, error) {
	for {
		state, done, err := f.step(ctx)
		switch {
		case errors.Is(err, errOvertaken), errors.Is(err, errGap):
			// Whoever was faster has counted what we read: begin with its state.
		case err != nil:
			return State{}, fmt.Errorf("fold settlements of group %s on %s: %w", f.Group, f.Stream, err)
		case done:
			return state, nil
		}
	}
}

// step counts in at most foldStep messages; done tells that none is left.
func (f *Folder) step(ctx context.Context) (state State, done bool, err error) {
	state, revision, err := f.read(ctx)
	if err != nil {
		return State{}, false, err
	}
	applied, epoch, baseline := state.Applied, state.Epoch, state.Baseline
	state.Restart(f.Epoch, f.Baseline)
	if done, err = f.apply(ctx, &state); err != nil {
		return State{}, false, fmt.Errorf("read %s from sequence %d: %w", stream.Ledger, applied+1, err)
	}
	if state.Applied == applied && state.Epoch == epoch && state.Baseline == baseline {
		// Nothing to count, or somebody else has counted and removed it since.
		return state, done, f.unchanged(ctx, revision)
	}
	if err := f.write(ctx, state, revision); err != nil {
		return State{}, false, err
	}
	if state.Applied != applied {
		if err := f.purge(ctx, state.Applied); err != nil {
			return State{}, false, fmt.Errorf("remove folded settlements up to %d from %s: %w", state.Applied, stream.Ledger, err)
		}
	}
	return state, done, nil
}

// apply reads on from what the state has counted in.
func (f *Folder) apply(ctx context.Context, state *State) (done bool, err error) {
	consumer, err := f.JS.CreateConsumer(ctx, stream.Ledger, jetstream.ConsumerConfig{
		FilterSubject:     stream.LedgerSubject(f.Stream, f.Group),
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       state.Applied + 1,
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		InactiveThreshold: time.Minute,
	})
	if err != nil {
		return false, err
	}
	info := consumer.CachedInfo()
	defer func() { _ = f.JS.DeleteConsumer(ctx, stream.Ledger, info.Name) }() // else it goes by itself
	left := info.NumPending
	for read := uint64(0); left > 0; {
		if read >= foldStep {
			return false, nil
		}
		batch, err := consumer.Fetch(int(min(left, 500)), jetstream.FetchMaxWait(5*time.Second))
		if err != nil {
			return false, err
		}
		before := read
		for msg := range batch.Messages() {
			meta, err := msg.Metadata()
			if err != nil {
				return false, err
			}
			if read++; meta.Sequence.Consumer != read {
				return false, errGap
			}
			applyMessage(state, meta.Sequence.Stream, msg)
			left = min(left-1, meta.NumPending)
		}
		if err := batch.Error(); err != nil {
			return false, err
		}
		if read == before {
			return false, errGap // purged while we read
		}
	}
	return true, ctx.Err()
}

// applyMessage counts one stored message in. What is no settlement was not
// written by us: it is passed over, since it would stay in the ledger for ever.
func applyMessage(state *State, sequence uint64, msg jetstream.Msg) {
	epoch, err := strconv.ParseInt(msg.Headers().Get(stream.HeaderEpoch), 10, 64)
	m, parseErr := Parse(msg.Data())
	if err != nil || parseErr != nil {
		epoch, m = 0, Message{}
	}
	state.Apply(sequence, epoch, m)
}

// read returns the stored state and its revision, 0 when there is none yet.
func (f *Folder) read(ctx context.Context) (state State, revision uint64, err error) {
	key := stream.LedgerKey(f.Stream, f.Group)
	entry, err := f.KV.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return State{}, 0, nil
	}
	if err == nil {
		revision, err = entry.Revision(), json.Unmarshal(entry.Value(), &state)
	}
	if err != nil {
		return State{}, 0, fmt.Errorf("read key %s of %s: %w", key, stream.StateBucket, err)
	}
	return state, revision, nil
}

// unchanged is errOvertaken when the stored state is not of that revision any more.
func (f *Folder) unchanged(ctx context.Context, revision uint64) error {
	_, now, err := f.read(ctx)
	if err == nil && now != revision {
		return errOvertaken
	}
	return err
}

// write stores the state unless another folder has done so since it was read.
func (f *Folder) write(ctx context.Context, state State, revision uint64) error {
	key := stream.LedgerKey(f.Stream, f.Group)
	if state.Settled == nil { // readers get [], never null
		state.Settled = Ranges{}
	}
	if state.Moved == nil {
		state.Moved = []string{}
	}
	value, err := json.Marshal(state)
	if err == nil && revision == 0 {
		_, err = f.KV.Create(ctx, key, value)
	} else if err == nil {
		_, err = f.KV.Update(ctx, key, value, revision)
	}
	switch {
	case errors.Is(err, jetstream.ErrKeyExists), wrongRevision(err):
		return errOvertaken
	case err != nil:
		return fmt.Errorf("write key %s of %s: %w", key, stream.StateBucket, err)
	}
	return nil
}

func (f *Folder) purge(ctx context.Context, applied uint64) error {
	s, err := f.JS.Stream(ctx, stream.Ledger)
	if err != nil {
		return err
	}
	return s.Purge(ctx, jetstream.WithPurgeSubject(stream.LedgerSubject(f.Stream, f.Group)), jetstream.WithPurgeSequence(applied+1))
}

// wrongRevision recognises a lost compare-and-set; replicated buckets have a
// code of their own.
func wrongRevision(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}
