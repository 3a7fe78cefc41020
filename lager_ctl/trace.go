package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/heka"
	"lagermeister/heka/encode"
	"lagermeister/heka/recordid"
	"lagermeister/ledger"
	"lagermeister/stream"
)

const traceAbout = `Says what became of one record in each group: POSITION is SEQ.INDEX, as documents
have it in lm.position, or the UUID of the record. To find a UUID the last blocks
of the stream are read. It changes nothing. Exit code 1 when there is no such
record.
` + settingsAbout

const (
	traceTimeout = 30 * time.Second // for one record
	maxTraced    = 20               // records with the same uuid that are shown
)

// tracer follows one record.
type tracer struct {
	console
	js     jetstream.JetStream
	stream string
}

func trace(ctx context.Context, c console, args []string) error {
	flags := newFlags(c, "trace", "[options] POSITION|UUID", traceAbout)
	name := flags.String("stream", "", "`NAME` of the stream; those that hold CTL_SUBJECT when not given")
	last := flags.Uint64("last", 100_000, "look for a UUID in the last `N` blocks; 0: in all")
	rest, err := parseFlags(flags, args)
	switch {
	case err != nil:
		return err
	case len(rest) != 1:
		return usageError("want one position or uuid, got %d; see lager_ctl trace --help", len(rest))
	}
	sequence, index, err := ledger.ParsePosition(rest[0])
	uuid := parseUUID(rest[0])
	if err != nil && uuid == nil {
		return usageError("%q: want SEQ.INDEX, such as 1234.0, or a uuid of 32 hex digits", rest[0])
	}
	var cfg settings
	nc, js, _, err := cfg.jetStream(ctx, c)
	if err != nil {
		return err
	}
	defer nc.Close()
	streams := []string{*name}
	if *name == "" {
		if streams, err = stream.Holding(ctx, js, cfg.Subject); err != nil {
			return err
		}
		if len(streams) == 0 {
			return fmt.Errorf("no stream holds subject %s: set CTL_SUBJECT, or --stream NAME", cfg.Subject)
		}
	}
	found := false
	for _, s := range streams {
		t := tracer{c, js, s}
		if uuid == nil {
			one, err := t.record(ctx, sequence, index)
			if err != nil {
				return err
			}
			found = found || one
			continue
		}
		places, err := t.find(ctx, uuid, *last)
		if err != nil {
			return err
		}
		for _, p := range places {
			if _, err := t.record(ctx, p.sequence, p.index); err != nil {
				return err
			}
			found = true
		}
	}
	if !found {
		return fmt.Errorf("%s: no such record in stream %s", rest[0], strings.Join(streams, ", "))
	}
	return nil
}

// parseUUID reads a uuid with or without dashes, nil when it is none.
func parseUUID(text string) []byte {
	uuid, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err != nil || len(uuid) != 16 {
		return nil
	}
	return uuid
}

// spot is where a record stands in a stream.
type spot struct {
	sequence uint64
	index    int
}

// find looks for records with a uuid and says how much was read.
func (t *tracer) find(ctx context.Context, uuid []byte, last uint64) (places []spot, err error) {
	s, err := t.js.Stream(ctx, t.stream)
	if err != nil {
		return nil, fmt.Errorf("look up stream %s: %w", t.stream, err)
	}
	state := s.CachedInfo().State
	from := max(state.FirstSeq, 1)
	if last > 0 && state.LastSeq > last {
		from = max(from, state.LastSeq-last+1)
	}
	blocks := 0
	var m heka.Message
	err = stream.Walk{Stream: t.stream, From: from, To: state.LastSeq}.Do(ctx, t.js, func(msg jetstream.Msg, sequence uint64, _ time.Time) error {
		blocks++
		if !bytes.Contains(msg.Data(), uuid) {
			return nil
		}
		for index, r := range heka.Records(msg.Data()) {
			if r.Body != nil && m.Parse(r.Body) == nil && bytes.Equal(m.UUID, uuid) {
				places = append(places, spot{sequence, index})
				if len(places) == maxTraced {
					return stream.ErrStop
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(t.out, "stream %s: %d blocks read, sequences %d to %d (of %d to %d): %d records with this uuid\n",
		t.stream, blocks, from, state.LastSeq, state.FirstSeq, state.LastSeq, len(places))
	if len(places) == maxTraced {
		fmt.Fprintf(t.out, "stopped at %d; there may be more\n", maxTraced)
	}
	fmt.Fprintln(t.out)
	return places, nil
}

// record prints what is known of one record; false means that it was never stored.
func (t *tracer) record(ctx context.Context, sequence uint64, index int) (found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, traceTimeout)
	defer cancel()
	s, err := t.js.Stream(ctx, t.stream)
	if err != nil {
		return false, fmt.Errorf("look up stream %s: %w", t.stream, err)
	}
	info := s.CachedInfo()
	fmt.Fprintf(t.out, "position %d.%d of stream %s\n", sequence, index, t.stream)
	if sequence > info.State.LastSeq {
		fmt.Fprintf(t.out, "  not stored: the last block is %d\n", info.State.LastSeq)
		return false, nil
	}
	msg, err := s.GetMsg(ctx, sequence)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		msg = nil
		fmt.Fprintf(t.out, "  no longer in the stream, which begins at block %d\n", info.State.FirstSeq)
	case err != nil:
		return false, fmt.Errorf("read block %d of stream %s: %w", sequence, t.stream, err)
	default:
		if !t.content(info, msg, index) {
			return false, nil
		}
	}
	view, err := ledger.Look(ctx, t.js, t.stream)
	if err != nil {
		return false, err
	}
	if len(view.Groups) == 0 {
		fmt.Fprintln(t.out, "  no group reads this stream")
	}
	for i := range view.Groups {
		g := &view.Groups[i]
		fate, err := t.fate(ctx, &view, g, msg, sequence, index)
		if err != nil {
			return false, err
		}
		fmt.Fprintf(t.out, "  group %s: %s\n", g.Name, fate)
	}
	fmt.Fprintln(t.out)
	return true, nil
}

// content prints the record itself; false means that the block has no such one.
func (t *tracer) content(info *jetstream.StreamInfo, msg *jetstream.RawStreamMsg, index int) bool {
	fmt.Fprintf(t.out, "  stored %s, in a block of %d bytes", msg.Time.UTC().Format(time.RFC3339Nano), len(msg.Data))
	if n := stream.RecordCount(msg.Header.Get(stream.HeaderRecords), len(msg.Data)); n > 0 {
		fmt.Fprintf(t.out, " with %d records", n)
	}
	fmt.Fprintln(t.out)
	records := 0
	for i, r := range heka.Records(msg.Data) {
		records++
		if i != index {
			continue
		}
		var m heka.Message
		if r.Body == nil || m.Parse(r.Body) != nil {
			fmt.Fprintf(t.out, "  %d bytes that are no record\n", len(r.Raw))
			return true
		}
		origin := stream.Origin(msg.Header.Get(stream.HeaderMsgID), t.stream, info.Created.UnixNano(), msg.Sequence)
		var id recordid.Hasher
		fmt.Fprintf(t.out, "  id %s\n", id.Append(nil, &m, origin, index))
		one := shown{offset: -1, frame: r.Raw, Record: encode.Record{Message: &m, Sequence: msg.Sequence, Index: index}}
		text := appendText(nil, &one)
		_, text, _ = bytes.Cut(text, []byte("\n")) // the first line repeats the position
		_, _ = io.Copy(t.out, bytes.NewReader(bytes.TrimSuffix(text, []byte("\n"))))
		return true
	}
	fmt.Fprintf(t.out, "  the block has %d records, 0 to %d\n", records, records-1)
	return false
}

// fate is what became of a record in one group. msg is its block, nil when it is
// gone from the stream.
func (t *tracer) fate(ctx context.Context, v *ledger.View, g *ledger.Group, msg *jetstream.RawStreamMsg, sequence uint64, index int) (string, error) {
	position := fmt.Sprintf("%d.%d", sequence, index)
	state := &g.State
	switch {
	case g.Err != nil:
		return fmt.Sprintf("unknown: %v", g.Err), nil
	case slices.Contains(state.Moved, position):
		return "was a dead letter, delivered by a replay", nil
	case state.Settled.Has(sequence):
		letter, err := t.letter(ctx, stream.DeadSubject(t.stream, g.Name, state.Epoch, sequence, index))
		if letter != "" || err != nil {
			return letter, err
		}
		return "settled: delivered, or filtered by the group's match spec (or a dead letter that somebody has dropped)", nil
	case sequence < state.Baseline:
		return fmt.Sprintf("not for this group: it began at block %d", state.Baseline), nil
	case g.Closed:
		return "never settled: the group is gone", nil
	case sequence < v.First:
		return "expired: it left the stream before the group had settled it. It is lost to this group", nil
	}
	since := ""
	if msg != nil {
		since = fmt.Sprintf(" for %v", time.Since(msg.Time).Round(time.Second))
	}
	if c := g.Consumer; sequence > c.Delivered.Stream {
		return fmt.Sprintf("pending%s: not handed out yet, %d blocks are before it", since, sequence-c.Delivered.Stream-1), nil
	}
	return fmt.Sprintf("pending%s: a member has it and has not settled it", since), nil
}

// letter says why a record is a dead letter, empty when it is none.
func (t *tracer) letter(ctx context.Context, subject string) (string, error) {
	name := stream.DeadName(t.stream)
	s, err := t.js.Stream(ctx, name)
	var msg *jetstream.RawStreamMsg
	if err == nil {
		msg, err = s.GetLastMsgForSubject(ctx, subject)
	}
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound), errors.Is(err, jetstream.ErrMsgNotFound):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("look for a dead letter in %s: %w", name, err)
	}
	return "dead letter: " + reason(msg.Header), nil
}

// reason is why a sink refused a record, in one line.
func reason(h nats.Header) string {
	var list []string
	for _, part := range []struct{ name, value string }{
		{"", h.Get(stream.HeaderErrorType)}, {"", h.Get(stream.HeaderReason)},
		{"status ", h.Get(stream.HeaderStatus)}, {"sink ", h.Get(stream.HeaderSink)},
		{"attempts ", h.Get(stream.HeaderAttempts)}, {"last ", h.Get(stream.HeaderLast)},
	} {
		if part.value != "" {
			list = append(list, part.name+words(part.value))
		}
	}
	return strings.Join(list, ", ")
}
