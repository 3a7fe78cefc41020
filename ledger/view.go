package ledger

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/stream"
)

// View is a stream and its groups as one snapshot has found them. The order in
// which they were asked for is what makes them fit: the stream, its groups, their
// settlements up to the present end of LM_LEDGER, and the end of the stream. So
// what is below First and not settled never will be, and nothing settled is
// beyond Last.
type View struct {
	Stream      string
	First, Last uint64 // sequences; Last is First-1 when the stream is empty
	Groups      []Group

	info      *jetstream.StreamInfo // nil: the stream is gone
	consumers []*jetstream.ConsumerInfo
}

// Group is one group of a View.
type Group struct {
	Name     string
	Closed   bool                    // its consumer is gone
	Consumer *jetstream.ConsumerInfo // nil when closed
	State    State
	Err      error // why State could not be had
}

// Look takes a snapshot of one stream without changing anything.
func Look(ctx context.Context, js jetstream.JetStream, name string) (View, error) {
	known, err := settledGroups(ctx, js)
	if err != nil {
		return View{}, err
	}
	return look(ctx, js, name, known[name], (*Folder).Peek, Folder{JS: js})
}

// look takes a snapshot of a stream. known are groups that have settled something;
// fold is Fold or Peek of folder.
func look(ctx context.Context, js jetstream.JetStream, name string, known []string,
	fold func(*Folder, context.Context) (State, error), folder Folder) (View, error) {
	v := View{Stream: name}
	s, err := js.Stream(ctx, name)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		s = nil
	case err != nil:
		return v, fmt.Errorf("look up stream %s: %w", name, err)
	default:
		v.info = s.CachedInfo()
		v.First = v.info.State.FirstSeq
		if v.consumers, err = stream.Consumers(ctx, s); err != nil {
			return v, err
		}
	}
	groups := make(map[string]*jetstream.ConsumerInfo)
	for _, group := range known {
		groups[group] = nil
	}
	for _, c := range v.consumers {
		if _, has := groups[c.Name]; has || isGroup(c.Config) {
			groups[c.Name] = c
		}
	}
	folder.Stream = name
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		g := lookAt(ctx, js, group, groups[group], fold, folder)
		if !g.Closed || g.State.Epoch != 0 || g.Err != nil { // else its key was removed
			v.Groups = append(v.Groups, g)
		}
	}
	if s != nil {
		after, err := s.Info(ctx)
		if err != nil {
			return v, fmt.Errorf("look up stream %s: %w", name, err)
		}
		v.Last = after.State.LastSeq
	}
	return v, nil
}

// lookAt folds one group. Should a new life of it have begun since its consumer
// was looked up, it is looked up again.
func lookAt(ctx context.Context, js jetstream.JetStream, name string, c *jetstream.ConsumerInfo,
	fold func(*Folder, context.Context) (State, error), folder Folder) (g Group) {
	for range 3 {
		g = Group{Name: name, Consumer: c, Closed: c == nil}
		folder.Group, folder.Epoch, folder.Baseline = name, 0, 0
		if c != nil {
			folder.Epoch, folder.Baseline = c.Created.UnixNano(), max(c.Config.OptStartSeq, 1)
		}
		g.State, g.Err = fold(&folder, ctx)
		if g.Err != nil || g.State.Epoch <= folder.Epoch || folder.Epoch == 0 {
			return g
		}
		again, err := js.Consumer(ctx, folder.Stream, name)
		if errors.Is(err, jetstream.ErrConsumerNotFound) {
			c = nil
			continue
		}
		if err != nil {
			g.Err = err
			return g
		}
		c = again.CachedInfo()
	}
	g.Err = fmt.Errorf("group %s of stream %s has settlements of epoch %d, its consumer was created at %d: settlements of the consumer are ignored; see whether %s was restored from elsewhere",
		name, folder.Stream, g.State.Epoch, folder.Epoch, stream.StateBucket)
	return g
}

// isGroup says whether a consumer looks like one that EnsureConsumer has made.
func isGroup(c jetstream.ConsumerConfig) bool {
	return c.Durable != "" && c.AckPolicy == jetstream.AckExplicitPolicy && c.DeliverPolicy == jetstream.DeliverByStartSequencePolicy &&
		c.DeliverSubject == "" && c.FilterSubject == "" && len(c.FilterSubjects) == 0
}

// settledGroups lists by stream the groups that have settled anything.
func settledGroups(ctx context.Context, js jetstream.JetStream) (map[string][]string, error) {
	groups := make(map[string][]string)
	for name, prefix := range map[string]string{
		stream.Ledger: "lm.ledger.",
		stateStream:   "$KV." + stream.StateBucket + ".ledger.",
	} {
		s, err := js.Stream(ctx, name)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			continue
		}
		var info *jetstream.StreamInfo
		if err == nil {
			info, err = s.Info(ctx, jetstream.WithSubjectFilter(prefix+">"))
		}
		if err != nil {
			return nil, fmt.Errorf("list the groups in %s: %w", name, err)
		}
		for subject := range info.State.Subjects {
			main, group, ok := strings.Cut(strings.TrimPrefix(subject, prefix), ".")
			if ok && !slices.Contains(groups[main], group) {
				groups[main] = append(groups[main], group)
			}
		}
	}
	return groups, nil
}

// Streams lists the streams that have groups of ours: those that were made by
// package stream, and those with settlements, be they gone themselves.
func Streams(ctx context.Context, js jetstream.JetStream) ([]string, error) {
	known, err := settledGroups(ctx, js)
	if err != nil {
		return nil, err
	}
	return streams(ctx, js, known)
}

func streams(ctx context.Context, js jetstream.JetStream, known map[string][]string) ([]string, error) {
	names := make(map[string]bool)
	for name := range known {
		names[name] = true
	}
	mains, err := stream.Mains(ctx, js)
	if err != nil {
		return nil, err
	}
	for _, name := range mains {
		names[name] = true
	}
	return slices.Sorted(maps.Keys(names)), nil
}

// pending are the ranges of blocks that a group has still to settle.
func (v *View) pending(g *Group) iter.Seq2[uint64, uint64] {
	if g.Closed || g.Err != nil {
		return func(func(uint64, uint64) bool) {}
	}
	return g.State.Settled.Holes(max(g.State.Baseline, v.First), v.Last)
}

// lowest is the first block that some group has still to settle, the next to
// come when there is none.
func (v *View) lowest() uint64 {
	lowest := v.Last + 1
	for i := range v.Groups {
		for first := range v.pending(&v.Groups[i]) {
			lowest = min(lowest, first)
			break
		}
	}
	return lowest
}
