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

// fetchStep is how many of them are asked for at a time: each may have 4,096 blocks.
const fetchStep = 64

// maxMoved and maxRanges bound the state. Beyond them it is cleared of what no
// longer matters: letters that are gone, and holes that will never be filled.
const (
	maxMoved  = 10_000
	maxRanges = 10_000
)

// clocks is how far those of two servers may be apart.
const clocks = time.Hour

var (
	errOvertaken = errors.New("another folder was faster")
	errGap       = errors.New("a settlement is missing in between")
)

// Folder adds up the settlements of one group and stream. Any number of folders
// may work on the same group: the state is written by compare-and-set, and
// settlements are removed only after a state that counts them is stored. It may
// die anywhere in between: whoever folds next goes on.
type Folder struct {
	Stream, Group string
	Epoch         int64  // of the group's present consumer; 0 when not known
	Baseline      uint64 // that consumer's first sequence

	JS jetstream.JetStream
	KV jetstream.KeyValue // the bucket stream.StateBucket; Peek needs none

	// Records tells how many records the blocks from first to last have, for
	// blocks that were never settled and are gone. nil: one in each.
	Records func(first, last uint64) uint64
}

// Fold counts in everything that is in LM_LEDGER when it is called, removes it
// from there and returns the state.
func (f *Folder) Fold(ctx context.Context) (State, error) { return f.repeat(ctx, f.step) }

// Peek returns what Fold would, and changes nothing.
func (f *Folder) Peek(ctx context.Context) (State, error) { return f.repeat(ctx, f.look) }

// repeat calls step until nothing is left to count.
func (f *Folder) repeat(ctx context.Context, step func(context.Context) (State, bool, error)) (State, error) {
	for {
		state, done, err := step(ctx)
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

// look counts in everything without writing. Settlements are only removed after
// the state has changed, so when that is still the same nothing was missed.
func (f *Folder) look(ctx context.Context) (state State, done bool, err error) {
	state, revision, err := f.read(ctx)
	if err != nil {
		return State{}, false, err
	}
	state.Restart(f.Epoch, f.Baseline)
	end, err := f.end(ctx)
	for err == nil && !done {
		done, err = f.apply(ctx, &state, end)
	}
	if err == nil {
		err = f.unchanged(ctx, revision)
	}
	return state, true, err
}

// step counts in at most foldStep messages; done tells that none is left.
func (f *Folder) step(ctx context.Context) (state State, done bool, err error) {
	state, revision, err := f.read(ctx)
	if err != nil {
		return State{}, false, err
	}
	// Where the stream begins is asked before the ledger is read: what is gone by
	// now was settled before now, or never will be.
	var gone uint64
	if len(state.Settled) > maxRanges {
		if gone, err = f.first(ctx); err != nil {
			return State{}, false, err
		}
	}
	applied, epoch, baseline := state.Applied, state.Epoch, state.Baseline
	state.Restart(f.Epoch, f.Baseline)
	end, err := f.end(ctx)
	if err == nil {
		done, err = f.apply(ctx, &state, end)
	}
	if err != nil {
		return State{}, false, err
	}
	if state.Applied == applied && state.Epoch == epoch && state.Baseline == baseline {
		// Nothing to count, or somebody else has counted and removed it since.
		if err := f.unchanged(ctx, revision); err != nil || end == 0 {
			return state, done, err
		}
		return state, done, f.purge(ctx, applied) // who counted it died before
	}
	if done {
		state.closeHoles(gone, f.Records)
		if err := f.forgetMoved(ctx, &state); err != nil {
			return State{}, false, err
		}
	}
	if err := f.write(ctx, state, revision); err != nil {
		return State{}, false, err
	}
	if state.Applied != applied {
		err = f.purge(ctx, state.Applied)
	}
	return state, done, err
}

// first is the first sequence that the stream still has; 0 without the stream.
func (f *Folder) first(ctx context.Context) (uint64, error) {
	s, err := f.JS.Stream(ctx, f.Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("look up stream %s: %w", f.Stream, err)
	}
	return s.CachedInfo().State.FirstSeq, nil
}

// end is the sequence in LM_LEDGER of the group's last settlement, 0 without any.
func (f *Folder) end(ctx context.Context) (uint64, error) {
	last, err := lastOf(ctx, f.JS, stream.Ledger, stream.LedgerSubject(f.Stream, f.Group))
	if err != nil || last == nil {
		return 0, err
	}
	return last.Sequence, nil
}

// apply reads on from what the state has counted in, up to end.
func (f *Folder) apply(ctx context.Context, state *State, end uint64) (done bool, err error) {
	if end <= state.Applied {
		return true, nil
	}
	defer func(from uint64) {
		if err != nil {
			err = fmt.Errorf("read %s from sequence %d to %d: %w", stream.Ledger, from, end, err)
		}
	}(state.Applied + 1)
	consumer, err := f.JS.CreateConsumer(ctx, stream.Ledger, jetstream.ConsumerConfig{
		FilterSubject:     stream.LedgerSubject(f.Stream, f.Group),
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       state.Applied + 1,
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: time.Minute,
	})
	if err != nil {
		return false, err
	}
	info := consumer.CachedInfo()
	defer func() { _ = f.JS.DeleteConsumer(ctx, stream.Ledger, info.Name) }() // else it goes by itself
	left := info.NumPending
	for read := uint64(0); state.Applied < end; {
		if read >= foldStep {
			return false, nil
		}
		// The consumer may be on a replica that knows of fewer yet.
		batch, err := consumer.Fetch(int(min(max(left, 1), fetchStep)), jetstream.FetchMaxWait(2*time.Second))
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
			applyMessage(state, meta, msg)
			left = meta.NumPending
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

// forgetMoved shortens a long list of moved letters by those whose entry is
// gone: without the entry nobody delivers them once more.
func (f *Folder) forgetMoved(ctx context.Context, state *State) error {
	if len(state.Moved) <= maxMoved {
		return nil
	}
	dead := stream.DeadName(f.Stream)
	kept := make([]string, 0, maxMoved)
	for _, position := range state.Moved {
		sequence, index, err := ParsePosition(position)
		if err != nil {
			continue
		}
		entry, err := lastOf(ctx, f.JS, dead, stream.DeadSubject(f.Stream, f.Group, state.Epoch, sequence, index))
		if err != nil {
			return err
		}
		if entry != nil {
			kept = append(kept, position)
		}
	}
	state.Moved = kept
	return nil
}

// applyMessage counts one stored message in. What is no settlement, or comes from
// a group that was made after it was stored, was not written by us: it is passed
// over, since it would stay in the ledger for ever.
func applyMessage(state *State, meta *jetstream.MsgMetadata, msg jetstream.Msg) {
	epoch, err := strconv.ParseInt(msg.Headers().Get(stream.HeaderEpoch), 10, 64)
	m, parseErr := Parse(msg.Data())
	if err != nil || parseErr != nil || epoch > meta.Timestamp.Add(clocks).UnixNano() {
		epoch, m = 0, Message{}
	}
	state.Apply(meta.Sequence.Stream, epoch, m)
}

// read returns the stored state and its revision, 0 when there is none yet.
func (f *Folder) read(ctx context.Context) (state State, revision uint64, err error) {
	entry, err := lastOf(ctx, f.JS, stateStream, stateSubject(f.Stream, f.Group))
	if err != nil || entry == nil {
		return State{}, 0, err
	}
	if entry.Header.Get("KV-Operation") != "" { // the key was removed
		return State{}, entry.Sequence, nil
	}
	if err := json.Unmarshal(entry.Data, &state); err != nil {
		return State{}, 0, fmt.Errorf("read key %s of %s: %w", stream.LedgerKey(f.Stream, f.Group), stream.StateBucket, err)
	}
	return state, entry.Sequence, nil
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

// purge removes the settlements that the stored state counts.
func (f *Folder) purge(ctx context.Context, applied uint64) error {
	s, err := f.JS.Stream(ctx, stream.Ledger)
	if err == nil {
		err = s.Purge(ctx, jetstream.WithPurgeSubject(stream.LedgerSubject(f.Stream, f.Group)), jetstream.WithPurgeSequence(applied+1))
	}
	if err != nil {
		return fmt.Errorf("remove folded settlements up to %d from %s: %w", applied, stream.Ledger, err)
	}
	return nil
}

// wrongRevision recognises a lost compare-and-set; replicated buckets have a
// code of their own.
func wrongRevision(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}
