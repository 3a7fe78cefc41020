package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/deadletter"
	"lagermeister/heka"
	"lagermeister/heka/matcher"
	"lagermeister/internal/program"
	"lagermeister/stream"
)

const replayAbout = `Sends a window of what the stream stores once more: to a group, which delivers it
beside its live records, or straight to an Elasticsearch (--kind bulk) or an HTTP
endpoint (--kind http). Records keep their ids, so a sink that knows ids takes
none twice, and repeating a replay is safe. The ledger does not see it.

A group applies its own match spec, too. --to-url takes user, key, certificates and
the like from CTL_REMOTE_… variables.

Each second it tells how far it is and from which sequence it would go on. With
--resume FILE that is kept in a file, and the same command goes on there. A replay
is kept in the stream LM_AUDIT, with who did it. Exit code 75 when it was stopped.
` + settingsAbout

// window is a replay at work.
type window struct {
	console
	js       jetstream.JetStream
	stream   string
	subject  string // what of the stream is replayed; empty: all
	created  int64  // of the stream, unix ns, for ids
	from, to uint64 // sequences, both included
	match    *matcher.Spec
	pace     stream.Pacer
	dry      bool
	target   replayTarget
	resume   *resume // nil: not kept

	began, told time.Time
	message     heka.Message
	n           progress
}

// progress is counted in records.
type progress struct {
	Next     uint64 `json:"next"`     // everything before this sequence is done
	Read     uint64 `json:"read"`     // records seen
	Selected uint64 `json:"selected"` // of these, what the match spec selects
	Sent     uint64 `json:"sent"`     // to the group, or taken by the sink
	Already  uint64 `json:"already"`  // of these, what the sink had
	Refused  uint64 `json:"refused"`  // by the sink, for good
	Skipped  uint64 `json:"skipped"`  // bytes that are no message
	Bytes    uint64 `json:"bytes"`    // of what was selected
}

// origin is where a run of records stands, and what their ids are made from.
type origin struct {
	sequence uint64
	index    int // of the first record
	origin   string
	cut      time.Time
	cutMs    string
}

// replayTarget takes what is replayed.
type replayTarget interface {
	// record takes one record; at says where it stands. Records of one block
	// that stand side by side come one after the other. m and raw are borrowed.
	record(ctx context.Context, at origin, m *heka.Message, raw []byte, bare bool) error
	// blockDone is called behind the last record of a block. It returns the first
	// sequence of which something is not with the far end yet; 0 when there is none.
	blockDone(ctx context.Context) (open uint64, err error)
	// flush sends what is left.
	flush(ctx context.Context) error
	close()
}

func replay(ctx context.Context, c console, args []string) error {
	flags := newFlags(c, "replay", "--from WHEN (--to-group GROUP | --to-url URL) [options]", replayAbout)
	var (
		from   = flags.String("from", "", "begin `WHEN`: a stream sequence, a time (RFC 3339), or how long ago, such as 90m; 1 is the beginning")
		to     = flags.String("to", "", "end `WHEN`: a sequence, included, or a time; what is stored now when not given")
		match  = flags.String("match", "", "only records that this match `SPEC` selects")
		name   = flags.String("stream", "", "`NAME` of the stream; the one that holds CTL_SUBJECT when not given")
		rate   = flags.Float64("rate", 0, "at most `N` records a second; 0: as fast as it goes")
		dry    = flags.Bool("dry-run", false, "only count")
		file   = flags.String("resume", "", "keep in `FILE` how far it is, and go on there")
		asJSON = flags.Bool("json", false, "print the counts as JSON")
		out    destination
	)
	out.flags(flags)
	rest, err := parseFlags(flags, args)
	if err == nil {
		err = noArguments(flags, rest)
	}
	switch {
	case err != nil:
		return err
	case *from == "" && *file == "":
		return usageError("want --from, or --resume; see lager_ctl replay --help")
	case *rate < 0:
		return usageError("--rate %v: want 0 or more", *rate)
	}
	if err := out.check(); err != nil {
		return err
	}
	w := window{console: c, pace: stream.Pacer{PerSecond: *rate}, dry: *dry}
	if w.match, err = parseMatch(*match); err != nil {
		return err
	}
	var cfg settings
	nc, js, log, err := cfg.jetStream(ctx, c)
	if err != nil {
		return err
	}
	defer nc.Close()
	w.js = js
	if w.stream, err = oneStream(ctx, js, *name, cfg.Subject); err != nil {
		return err
	}
	if *name == "" {
		w.subject = cfg.Subject
	}
	if err := w.bounds(ctx, *from, *to, *file); err != nil {
		return err
	}
	if w.target, err = out.open(ctx, &w, &cfg, log); err != nil {
		return err
	}
	defer w.target.close()
	fmt.Fprintf(c.err, "stream %s, sequences %d to %d, %s\n", w.stream, w.from, w.to, out.String())
	if w.dry {
		err = w.run(ctx)
	} else {
		filter := map[string]any{"from": w.from, "to": w.to, "match": *match, "target": out.String()}
		err = deadletter.Audited(ctx, js, log, deadletter.Audit{Who: whoAmI(), Action: "window", Stream: w.stream, Filter: filter}, func() (any, error) {
			err := w.run(ctx)
			return w.n, err
		})
	}
	if kept := w.keep(); err == nil {
		err = kept
	}
	if err != nil {
		err = fmt.Errorf("%w; it goes on with --from %d", err, w.n.Next)
		if ctx.Err() != nil {
			err = program.Exit(program.ExitIncomplete, err)
		}
		return err
	}
	if *asJSON {
		return c.json(w.n)
	}
	return w.summary(c.out)
}

// bounds finds the first and last sequence.
func (w *window) bounds(ctx context.Context, from, to, file string) error {
	s, err := w.js.Stream(ctx, w.stream)
	if err != nil {
		return fmt.Errorf("look up stream %s: %w", w.stream, err)
	}
	info := s.CachedInfo()
	w.created = info.Created.UnixNano()
	kept := uint64(0)
	if file != "" {
		if w.resume, err = readResume(file, w.stream); err != nil {
			return err
		}
		kept = w.resume.Next
	}
	if w.from, err = w.sequence(ctx, "--from", from, 1, 0); err != nil {
		return err
	}
	if w.to, err = w.sequence(ctx, "--to", to, info.State.LastSeq, 1); err != nil {
		return err
	}
	if kept > 0 {
		w.from = kept
		if to == "" {
			w.to = w.resume.To
		}
	}
	w.from, w.to = max(w.from, info.State.FirstSeq), min(w.to, info.State.LastSeq)
	w.n.Next = w.from
	return nil
}

// sequence reads a sequence, or the first one stored at a time, less before.
func (w *window) sequence(ctx context.Context, name, text string, fallback, before uint64) (uint64, error) {
	if text == "" {
		return fallback, nil
	}
	if n, err := strconv.ParseUint(text, 10, 63); err == nil {
		return n, nil
	}
	t, err := parseTime(name, text, time.Now())
	if err != nil {
		return 0, err
	}
	n, err := stream.SequenceAt(ctx, w.js, w.stream, t)
	return n - before, err
}

// run goes over the window.
func (w *window) run(ctx context.Context) error {
	w.began, w.told = time.Now(), time.Now()
	if w.from > w.to {
		return nil
	}
	walk := stream.Walk{Stream: w.stream, From: w.from, To: w.to}
	err := walk.Do(ctx, w.js, func(msg jetstream.Msg, seq uint64, stored time.Time) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return w.block(ctx, msg, seq, stored)
	})
	if err == nil {
		err = w.target.flush(ctx)
	}
	if err == nil {
		w.n.Next = w.to + 1
	}
	return err
}

// block replays what is selected of one stored message.
func (w *window) block(ctx context.Context, msg jetstream.Msg, seq uint64, stored time.Time) error {
	at := w.originOf(msg, seq, stored)
	for index, r := range heka.Records(msg.Data()) {
		w.n.Read++
		switch {
		case w.subject != "" && !stream.Matches(w.subject, msg.Subject()):
			continue
		case r.Body == nil || w.message.Parse(r.Body) != nil:
			w.n.Skipped++
			continue
		case !w.match.Match(&w.message):
			continue
		}
		w.n.Selected++
		w.n.Bytes += uint64(len(r.Raw))
		if w.dry {
			continue
		}
		if err := w.pace.Wait(ctx, 1); err != nil {
			return err
		}
		at.index = index
		if err := w.target.record(ctx, at, &w.message, r.Raw, r.Bare()); err != nil {
			return fmt.Errorf("position %d.%d: %w", seq, index, err)
		}
		w.tell(seq)
	}
	open := uint64(0)
	if !w.dry {
		var err error
		if open, err = w.target.blockDone(ctx); err != nil {
			return fmt.Errorf("block %d: %w", seq, err)
		}
	}
	if w.n.Next = seq + 1; open > 0 {
		w.n.Next = open
	}
	w.tell(seq)
	return nil
}

// originOf is what ids and index names of a block's records are computed from, as
// a subscriber does.
func (w *window) originOf(msg jetstream.Msg, seq uint64, stored time.Time) origin {
	h := msg.Headers()
	cut := stream.CutTime(h.Get(stream.HeaderCut), stored)
	return origin{
		sequence: seq,
		origin:   stream.Origin(h.Get(stream.HeaderMsgID), w.stream, w.created, seq),
		cut:      cut,
		cutMs:    strconv.FormatInt(cut.UnixMilli(), 10),
	}
}

// tell says each second how far it is, with an estimate of what is left.
func (w *window) tell(seq uint64) {
	now := time.Now()
	if now.Sub(w.told) < time.Second {
		return
	}
	w.told = now
	done := float64(seq-w.from+1) / float64(w.to-w.from+1)
	left := time.Duration(float64(now.Sub(w.began)) / done * (1 - done)).Round(time.Second)
	fmt.Fprintf(w.err, "sequence %d, %.0f %%, %d records read, %d selected, %d sent, %d refused; about %v left; goes on with --from %d\n",
		seq, 100*done, w.n.Read, w.n.Selected, w.n.Sent, w.n.Refused, left, w.n.Next)
	if err := w.keep(); err != nil {
		fmt.Fprintln(w.err, err)
	}
}

func (w *window) keep() error {
	if w.resume == nil || w.dry {
		return nil
	}
	return w.resume.write(w.stream, w.n.Next, w.to)
}

func (w *window) summary(out io.Writer) error {
	took := max(time.Since(w.began), time.Millisecond)
	_, err := fmt.Fprintf(out, "%d records read, %d selected, %d bytes; %d sent", w.n.Read, w.n.Selected, w.n.Bytes, w.n.Sent)
	if w.n.Already > 0 {
		_, _ = fmt.Fprintf(out, ", of which the sink had %d", w.n.Already)
	}
	if w.n.Refused > 0 {
		_, _ = fmt.Fprintf(out, "; %d refused", w.n.Refused)
	}
	if w.n.Skipped > 0 {
		_, _ = fmt.Fprintf(out, "; %d skipped, since they are no messages", w.n.Skipped)
	}
	_, last := fmt.Fprintf(out, "; %v, %.0f records/s\n", took.Round(time.Millisecond), float64(w.n.Read)/took.Seconds())
	return errors.Join(err, last)
}
