package deadletter

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"

	"lagermeister/stream"
)

// Change is something done to the letters that a filter selects.
type Change struct {
	Filter
	Rate   float64 // letters a second; 0: as fast as it goes
	DryRun bool    // only count

	Who      string             // for the audit
	Progress func(Counts)       // after each letter; may be nil
	Log      logrus.FieldLogger // what goes wrong beside the error
}

// Counts tell what a change has done.
type Counts struct {
	Selected uint64 `json:"selected"` // letters the filter selects
	Bytes    uint64 `json:"bytes"`    // of their frames
	Done     uint64 `json:"done"`     // replays asked for, or letters removed; 0 in a dry run
	Gone     uint64 `json:"gone"`     // removed or replaced by others meanwhile
	Deaf     uint64 `json:"deaf"`     // not replayed: the group takes no replays
}

// Replay asks the groups to deliver letters once more. They stay until their
// group has done so, so that asking twice is harmless. While LM_REPLAY is full it
// waits; it ends early with ctx.
func (b *Box) Replay(ctx context.Context, c Change) (Counts, error) {
	takes := map[string]bool{}
	return b.change(ctx, c, "replay", func(e *Entry, n *Counts) error {
		able, known := takes[e.Group]
		if !known {
			var err error
			if able, err = stream.TakesReplays(ctx, b.js, b.main, e.Group); err != nil {
				return err
			}
			if takes[e.Group] = able; !able {
				c.Log.WithField("group", e.Group).Warn("the group takes no replays: it was deleted, or its subscriber is older than that")
			}
		}
		if !able {
			n.Deaf++
			return nil
		}
		if c.DryRun {
			return nil
		}
		if err := stream.PublishReplay(ctx, b.js, e.Letter.Replay()); err != nil {
			return err
		}
		n.Done++
		return nil
	})
}

// Drop removes letters for good: their records are delivered nowhere, and stay
// counted as dead.
func (b *Box) Drop(ctx context.Context, c Change) (Counts, error) {
	return b.change(ctx, c, "drop", func(e *Entry, n *Counts) error {
		if c.DryRun {
			return nil
		}
		// By sequence: a letter that was replaced meanwhile is another one.
		switch err := b.dead.DeleteMsg(ctx, e.At); {
		case err == nil:
			n.Done++
		case missing(err):
			n.Gone++
		default:
			return err
		}
		return nil
	})
}

// change does one thing to each letter that is selected when it begins.
func (b *Box) change(ctx context.Context, c Change, action string, do func(*Entry, *Counts) error) (n Counts, err error) {
	if err := b.checkSubjects(c.Subjects); err != nil {
		return n, err
	}
	if c.Log == nil {
		c.Log = logrus.StandardLogger()
	}
	pace := stream.Pacer{PerSecond: c.Rate}
	all := func() (any, error) {
		err := b.Each(ctx, c.Filter, 0, func(e *Entry) error {
			if !c.DryRun {
				if err := pace.Wait(ctx, 1); err != nil {
					return err
				}
			}
			n.Selected++
			n.Bytes += uint64(e.Size)
			if err := do(e, &n); err != nil {
				return err
			}
			if c.Progress != nil {
				c.Progress(n)
			}
			return nil
		})
		return n, err
	}
	if c.DryRun {
		_, err = all()
		return n, err
	}
	err = Audited(ctx, b.js, c.Log, Audit{Who: c.Who, Action: action, Stream: b.main, Filter: c.Filter}, all)
	return n, err
}

// missing recognises that a message to be deleted is not there.
func missing(err error) bool {
	const codeNoMessage = 10057 // "no message found", and others; only this text means it
	var api *jetstream.APIError
	return errors.Is(err, jetstream.ErrMsgNotFound) || errors.As(err, &api) && api.ErrorCode == codeNoMessage && api.Description == "no message found"
}
