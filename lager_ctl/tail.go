package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"

	"lagermeister/heka"
	"lagermeister/heka/encode"
	"lagermeister/heka/matcher"
	"lagermeister/stream"
)

const tailAbout = `Follows what the stream stores from now on, until a signal or --limit. It only
watches: nothing is acknowledged and no group is created. What is stored faster
than it reads (8 MiB in 200 ms) is passed over, and it tells on stderr which blocks
those are; they are stored all the same.
` + settingsAbout

// tailer shows the records of blocks as they are stored.
type tailer struct {
	console
	match   *matcher.Spec
	print   printer // nil: only count
	limit   int64   // records to show; 0: no limit
	count   int64
	last    map[string]uint64 // stream -> last sequence seen
	message heka.Message
	buf     []byte
}

// block is a stored message and where.
type block struct {
	stream string
	*jetstream.RawStreamMsg
}

// tail follows streams.
func tail(ctx context.Context, c console, args []string) error {
	flags := newFlags(c, "tail", "[options]", tailAbout)
	var fields, dynamic list
	match := flags.String("match", "", "show only records that this match `SPEC` selects")
	format := flags.String("format", "text", "`FORMAT` of the output: "+formatNames)
	flags.Var(&fields, "fields", "comma-separated `LIST` of what a heka, logstash or ecs document holds")
	flags.Var(&dynamic, "dynamic-fields", "comma-separated `LIST` of the dynamic fields it holds; all when not given")
	name := flags.String("stream", "", "`NAME` of the stream; those that hold CTL_SUBJECT when not given")
	t := tailer{console: c, last: make(map[string]uint64)}
	flags.Int64Var(&t.limit, "limit", 0, "stop after `N` records; 0: go on")
	rest, err := parseFlags(flags, args)
	if err == nil {
		err = noArguments(flags, rest)
	}
	if err != nil {
		return err
	}
	if t.print, err = newPrinter(*format, fields, dynamic); err != nil {
		return err
	}
	if t.match, err = parseMatch(*match); err != nil {
		return err
	}
	var cfg settings
	log, err := cfg.load(c)
	if err != nil {
		return err
	}
	nc, err := cfg.connect(ctx, log)
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	names := []string{*name}
	if *name == "" {
		if names, err = toFollow(ctx, js, cfg.Subject, log); err != nil {
			return err
		}
	}
	ctx, stop := context.WithCancel(ctx)
	blocks := make(chan block)
	var following sync.WaitGroup
	defer func() { stop(); following.Wait() }()
	for _, name := range names {
		from, err := begin(ctx, js, name)
		if err != nil {
			return err
		}
		following.Go(func() {
			// It ends when ctx does; see has no other error.
			_ = stream.Follow(ctx, js, name, from, func(m *jetstream.RawStreamMsg) error {
				select {
				case blocks <- block{name, m}:
				case <-ctx.Done():
				}
				return nil
			})
		})
	}
	log.WithField("streams", names).Info("following")
	return t.follow(ctx, blocks)
}

// toFollow lists the streams that hold subject, or names the one that will.
func toFollow(ctx context.Context, js jetstream.JetStream, subject string, log logrus.FieldLogger) ([]string, error) {
	names, err := stream.Holding(ctx, js, subject)
	if err != nil {
		return nil, fmt.Errorf("%w; --stream NAME needs no such question", err)
	}
	if len(names) == 0 {
		if stream.IsWildcard(subject) {
			return nil, fmt.Errorf("no stream holds subject %s; a receiver creates one when it starts", subject)
		}
		name := stream.Clean(subject)
		log.WithField("stream", name).Warn("no stream holds the subject yet, waiting for the one a receiver will create")
		return []string{name}, nil
	}
	return names, nil
}

// begin is the sequence of the next block that a stream will store.
func begin(ctx context.Context, js jetstream.JetStream, name string) (uint64, error) {
	s, err := js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return 1, nil
	}
	if err != nil {
		return 0, fmt.Errorf("look up stream %s: %w", name, err)
	}
	return s.CachedInfo().State.LastSeq + 1, nil
}

// follow shows blocks until ctx ends or enough was shown.
func (t *tailer) follow(ctx context.Context, blocks <-chan block) error {
	out := bufio.NewWriterSize(t.out, 64<<10)
	for {
		select {
		case <-ctx.Done():
			return t.finish(out)
		case b := <-blocks:
			if err := t.block(out, b); err != nil {
				return err
			}
			if t.limit > 0 && t.count >= t.limit {
				return t.finish(out)
			}
			if err := out.Flush(); err != nil {
				return fmt.Errorf("write: %w", err)
			}
		}
	}
}

func (t *tailer) finish(out *bufio.Writer) error {
	if t.print == nil {
		fmt.Fprintln(out, t.count)
	}
	return out.Flush()
}

// block shows the records of one stored message.
func (t *tailer) block(out *bufio.Writer, b block) error {
	t.tellMissed(b.stream, b.Sequence)
	cut := stream.CutTime(b.Header.Get(stream.HeaderCut), b.Time)
	for index, p := range heka.Records(b.Data) {
		if err := t.parse(p); err != nil {
			fmt.Fprintf(t.err, "position %d.%d: skipped %d bytes: %v\n", b.Sequence, index, len(p.Raw), err)
			continue
		}
		if !t.match.Match(&t.message) {
			continue
		}
		t.count++
		if t.print != nil {
			_, skew := encode.EventDate(&t.message, cut)
			s := shown{offset: -1, frame: p.Raw, Record: encode.Record{
				Message: &t.message, Sequence: b.Sequence, Index: index, ClockSkew: skew, Cut: cut,
			}}
			if p.Bare() {
				s.frame = heka.AppendFrame(nil, p.Raw)
			}
			t.buf = t.print(t.buf[:0], &s)
			if _, err := out.Write(t.buf); err != nil {
				return fmt.Errorf("write: %w", err)
			}
		}
		if t.limit > 0 && t.count >= t.limit {
			return nil
		}
	}
	return nil
}

var errNoFrame = errors.New("not a complete frame")

func (t *tailer) parse(r heka.Stored) error {
	if r.Body == nil {
		return errNoFrame
	}
	return t.message.Parse(r.Body)
}

// tellMissed compares with what was seen last, so that nothing that was passed over
// goes untold.
func (t *tailer) tellMissed(stream string, sequence uint64) {
	if seen, known := t.last[stream]; known && sequence > seen+1 {
		fmt.Fprintf(t.err, "stream %q: not seen: blocks after %d up to %d (too many, or disconnected); they are stored\n", stream, seen, sequence-1)
	}
	t.last[stream] = sequence
}
