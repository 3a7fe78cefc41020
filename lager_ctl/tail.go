package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"

	"lagermeister/heka"
	"lagermeister/heka/encode"
	"lagermeister/heka/matcher"
	"lagermeister/stream"
)

const tailAbout = `Follows what the stream stores from now on, until a signal or --limit. It only
watches: nothing is acknowledged and no group is created. When it cannot keep up,
or the connection breaks, it tells on stderr which blocks it has not seen; they
are stored all the same.
` + settingsAbout

// watched is how many blocks may wait here before NATS drops some for us, followed
// of how many subjects is known what was seen last: their names come from outside.
const (
	watched  = 64
	followed = 10_000
)

// flushTimeout bounds the wait for the server to have taken the subscriptions.
const flushTimeout = 5 * time.Second

// tailer shows the records of blocks as they are stored.
type tailer struct {
	console
	match   *matcher.Spec
	print   printer // nil: only count
	limit   int64   // records to show; 0: no limit
	count   int64
	last    map[string]uint64 // subject stored to -> last sequence seen
	message heka.Message
	buf     []byte
}

// tail follows the subjects under which streams republish.
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
	streams := []string{*name}
	if *name == "" {
		if streams, err = republished(ctx, nc, cfg.Subject, log); err != nil {
			return err
		}
	}
	blocks := make(chan *nats.Msg, watched)
	for _, s := range streams {
		if _, err := nc.ChanSubscribe(stream.TailSubject(s), blocks); err != nil {
			return fmt.Errorf("subscribe to %s: %w", stream.TailSubject(s), err)
		}
	}
	if err := nc.FlushTimeout(flushTimeout); err != nil {
		return fmt.Errorf("subscribe to the tail of %v: %w", streams, err)
	}
	log.WithField("streams", streams).Info("following")
	return t.follow(ctx, blocks)
}

// republished lists the streams to follow and warns of those that show nothing.
func republished(ctx context.Context, nc *nats.Conn, subject string, log logrus.FieldLogger) ([]string, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
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
	for _, name := range names {
		s, err := js.Stream(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("look up stream %s: %w", name, err)
		}
		if r := s.CachedInfo().Config.RePublish; r == nil || r.Destination != stream.TailSubject(name) {
			log.WithField("stream", name).Warn("the stream does not republish to " + stream.TailSubject(name) + ", so nothing will be seen of it; lager_ctl doctor tells how to mend it")
		}
	}
	return names, nil
}

// follow shows blocks until ctx ends or enough was shown.
func (t *tailer) follow(ctx context.Context, blocks <-chan *nats.Msg) error {
	out := bufio.NewWriterSize(t.out, 64<<10)
	for {
		select {
		case <-ctx.Done():
			return t.finish(out)
		case msg := <-blocks:
			if err := t.block(out, msg); err != nil {
				return err
			}
			if t.limit > 0 && t.count >= t.limit {
				return t.finish(out)
			}
			if len(blocks) == 0 {
				if err := out.Flush(); err != nil {
					return fmt.Errorf("write: %w", err)
				}
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
func (t *tailer) block(out *bufio.Writer, msg *nats.Msg) error {
	at, err := readPlace(msg.Header)
	if err != nil {
		fmt.Fprintf(t.err, "%s: skipped a message of %d bytes that no stream has republished: %v\n", msg.Subject, len(msg.Data), err)
		return nil
	}
	t.tellMissed(at)
	for index, p := range heka.Records(msg.Data) {
		if err := t.parse(p); err != nil {
			fmt.Fprintf(t.err, "position %d.%d: skipped %d bytes: %v\n", at.sequence, index, len(p.Raw), err)
			continue
		}
		if !t.match.Match(&t.message) {
			continue
		}
		t.count++
		if t.print != nil {
			_, skew := encode.EventDate(&t.message, at.cut)
			s := shown{offset: -1, frame: p.Raw, Record: encode.Record{
				Message: &t.message, Sequence: at.sequence, Index: index, ClockSkew: skew, Cut: at.cut,
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

// tellMissed compares with what was seen last. The stream itself says which
// block preceded this one under its subject, so that nothing missed goes
// untold, be it dropped here, by the server, or while reconnecting.
func (t *tailer) tellMissed(at place) {
	key := at.stream + " " + at.subject
	seen, known := t.last[key]
	if known && at.previous > seen {
		fmt.Fprintf(t.err, "stream %q: not seen: blocks after %d up to %d (too slow, or disconnected); they are stored\n", at.stream, seen, at.previous)
	}
	if known || len(t.last) < followed {
		t.last[key] = at.sequence
	}
}

// place is where a republished block is stored.
type place struct {
	stream, subject    string
	sequence, previous uint64    // previous: of the same subject
	cut                time.Time // when the block was cut; else when it was stored
}

// readPlace reads the headers that JetStream adds when it republishes.
func readPlace(h nats.Header) (p place, err error) {
	p.stream, p.subject = h.Get("Nats-Stream"), h.Get("Nats-Subject")
	if p.sequence, err = strconv.ParseUint(h.Get("Nats-Sequence"), 10, 64); err != nil {
		return p, fmt.Errorf("header Nats-Sequence: %w", err)
	}
	p.previous, _ = strconv.ParseUint(h.Get("Nats-Last-Sequence"), 10, 64) // absent: none
	if ms, err := strconv.ParseInt(h.Get(stream.HeaderCut), 10, 64); err == nil {
		p.cut = time.UnixMilli(ms)
	} else if p.cut, err = time.Parse(time.RFC3339Nano, h.Get("Nats-Time-Stamp")); err != nil {
		return p, fmt.Errorf("header Nats-Time-Stamp: %w", err)
	}
	return p, nil
}
