package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"

	"lagermeister/deadletter"
	"lagermeister/heka/encode"
	"lagermeister/sink"
	"lagermeister/stream"
)

const deadAbout = `Looks after dead letters: what sinks refused for good, with the reason.

  list    by kind of reason; --entries lists the letters
  show    one letter, by POSITION (SEQ.INDEX) or subject, with its record
  replay  asks its group to deliver letters once more; each stays until that is done
  drop    removes letters for good, with --yes; their records are delivered nowhere

replay and drop are kept in the stream LM_AUDIT, with who did it. Exit code 1
when something failed.
` + settingsAbout

// selection are the flags that choose dead letters.
type selection struct {
	stream, group, match, reason, from, to string
	json                                   bool
}

func (s *selection) flags(flags *flag.FlagSet) {
	flags.StringVar(&s.stream, "stream", "", "`NAME` of the stream the records are from; the one that holds CTL_SUBJECT when not given")
	flags.StringVar(&s.group, "group", "", "only letters of this `GROUP`")
	flags.StringVar(&s.match, "match", "", "only records that this match `SPEC` selects")
	flags.StringVar(&s.reason, "reason", "", "only letters with this `REASON`: a fingerprint that list shows, or an error type")
	flags.StringVar(&s.from, "from", "", "only letters first refused at this `TIME` (RFC 3339) or later; 2h: two hours ago")
	flags.StringVar(&s.to, "to", "", "only letters first refused before this `TIME`")
	flags.BoolVar(&s.json, "json", false, "print JSON, as GET and POST /api/v2/dead of stats_proxy answer")
}

// filter checks the flags.
func (s *selection) filter(now time.Time) (f deadletter.Filter, err error) {
	f = deadletter.Filter{Group: s.group, Match: s.match, Reason: s.reason}
	if _, err = parseMatch(s.match); err != nil {
		return f, err
	}
	if f.From, err = parseTime("--from", s.from, now); err != nil {
		return f, err
	}
	f.To, err = parseTime("--to", s.to, now)
	return f, err
}

// parseTime reads RFC 3339, or a duration before now; nothing is the zero time.
func parseTime(name, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, usageError("%s %q: want a time such as 2026-11-20T17:00:00Z, or how long ago, such as 90m", name, text)
	}
	return t, nil
}

func dead(ctx context.Context, c console, args []string) error {
	actions := map[string]func(context.Context, console, []string) error{
		"list": deadList, "show": deadShow, "replay": deadReplay, "drop": deadDrop,
	}
	if len(args) > 0 && actions[args[0]] != nil {
		return actions[args[0]](ctx, c, args[1:])
	}
	flags := newFlags(c, "dead", "list|show|replay|drop [options]", deadAbout)
	rest, err := parseFlags(flags, args)
	if err == nil {
		err = usageError("want list, show, replay or drop, got %q; see lager_ctl dead --help", rest)
	}
	return err
}

// box opens the dead letters of a stream. close ends the connection.
func (s *selection) box(ctx context.Context, c console) (b *deadletter.Box, log logrus.FieldLogger, close func(), err error) {
	var cfg settings
	nc, js, log, err := cfg.jetStream(ctx, c)
	if err != nil {
		return nil, nil, nil, err
	}
	name, err := oneStream(ctx, js, s.stream, cfg.Subject)
	if err == nil {
		b, err = deadletter.Open(ctx, js, name)
	}
	if err != nil {
		nc.Close()
		return nil, nil, nil, err
	}
	return b, log, nc.Close, nil
}

// oneStream is the stream called name, or the one that holds the subject.
func oneStream(ctx context.Context, js jetstream.JetStream, name, subject string) (string, error) {
	if name != "" {
		return name, nil
	}
	names, err := stream.Holding(ctx, js, subject)
	if err == nil && len(names) != 1 {
		err = fmt.Errorf("%d streams hold subject %s: set CTL_SUBJECT, or --stream NAME", len(names), subject)
	}
	if err != nil {
		return "", err
	}
	return names[0], nil
}

func deadList(ctx context.Context, c console, args []string) error {
	flags := newFlags(c, "dead list", "[options]", deadAbout)
	var s selection
	s.flags(flags)
	entries := flags.Bool("entries", false, "list letters, the oldest first, instead of kinds of reasons")
	limit := flags.Int("limit", 100, "list at most `N` letters")
	after := flags.Uint64("after", 0, "begin behind entry `N`: what the page before ended with")
	rest, err := parseFlags(flags, args)
	if err == nil {
		err = noArguments(flags, rest)
	}
	if err == nil && *limit < 1 {
		err = usageError("--limit %d: want 1 or more", *limit)
	}
	if err != nil {
		return err
	}
	f, err := s.filter(time.Now())
	if err != nil {
		return err
	}
	b, _, done, err := s.box(ctx, c)
	if err != nil {
		return err
	}
	defer done()
	if *entries {
		page, next, err := b.List(ctx, f, *after, *limit)
		if err != nil {
			return err
		}
		return c.letters(b, page, next, s.json)
	}
	summary, err := b.Summary(ctx, f)
	if err != nil {
		return err
	}
	if s.json {
		return c.json(summary)
	}
	return c.kinds(summary)
}

func (c console) kinds(s deadletter.Summary) error {
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "LETTERS\tGROUP\tREASON\tSTATUS\tTYPE\tFIRST\tLAST\tWORDS")
	for _, k := range s.Kinds {
		fmt.Fprintf(w, "%d\t%s\t%s\t%d\t%s\t%s\t%s\t%s\n", k.Letters, k.Group, k.Fingerprint, k.Status, words(k.ErrorType),
			k.First.UTC().Format(time.RFC3339), k.Last.UTC().Format(time.RFC3339), words(k.Pattern))
	}
	if s.Others > 0 {
		fmt.Fprintf(w, "%d\tof further kinds\t\t\t\t\t\t\n", s.Others)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	_, err := fmt.Fprintf(c.out, "%d dead letters of stream %s\n", s.Letters, s.Stream)
	return err
}

// letters prints one page of letters.
func (c console) letters(b *deadletter.Box, page []deadletter.Entry, next uint64, asJSON bool) error {
	if asJSON {
		return c.json(deadletter.List(b, page, next))
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "POSITION\tGROUP\tATTEMPTS\tLAST\tBYTES\tREASON\tTYPE\tWORDS")
	for i := range page {
		e := &page[i]
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%d\t%s\t%s\t%s\n", e.Position(), e.Group, e.Attempts, e.Last.UTC().Format(time.RFC3339), e.Size,
			deadletter.Fingerprint(e.ErrorType, e.Reason), words(e.ErrorType), words(e.Reason))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if next > 0 {
		fmt.Fprintf(c.err, "there are more: --after %d\n", next)
	}
	return nil
}

func deadShow(ctx context.Context, c console, args []string) error {
	flags := newFlags(c, "dead show", "[options] POSITION|SUBJECT", deadAbout)
	s := selection{}
	flags.StringVar(&s.stream, "stream", "", "`NAME` of the stream the record is from; the one that holds CTL_SUBJECT when not given")
	flags.BoolVar(&s.json, "json", false, "print JSON, as GET /api/v2/dead/entry of stats_proxy answers")
	rest, err := parseFlags(flags, args)
	if err == nil && len(rest) != 1 {
		err = usageError("want one position or subject, got %d; see lager_ctl dead --help", len(rest))
	}
	if err != nil {
		return err
	}
	b, _, done, err := s.box(ctx, c)
	if err != nil {
		return err
	}
	defer done()
	found, err := b.Show(ctx, rest[0])
	if err != nil {
		return err
	}
	if s.json {
		return c.json(deadletter.List(b, found, 0))
	}
	for i := range found {
		if err := c.letter(&found[i]); err != nil {
			return err
		}
	}
	return nil
}

func (c console) letter(e *deadletter.Entry) error {
	b := fmt.Appendf(nil, "%s\n  group %s, sink %s, %d attempts from %s to %s\n  status %d, %s: %s\n  reason %s, id %s\n", e.Subject(), e.Group, words(e.Sink), e.Attempts,
		e.First.UTC().Format(time.RFC3339Nano), e.Last.UTC().Format(time.RFC3339Nano), e.Status, words(e.ErrorType), words(e.Reason),
		deadletter.Fingerprint(e.ErrorType, e.Reason), words(e.ID))
	if m, ok := e.Message(); ok {
		b = appendText(b, &shown{Record: encode.Record{Message: m, Sequence: e.Sequence, Index: e.Index}, frame: e.Frame, offset: -1})
	} else {
		b = fmt.Appendf(b, "%d bytes that are no message: %q\n\n", len(e.Frame), e.Frame[:min(len(e.Frame), 1024)])
	}
	_, err := c.out.Write(b)
	return err
}

// json prints v for programs.
func (c console) json(v any) error {
	enc := json.NewEncoder(c.out)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// words makes text of others fit for a terminal and a table.
func words(text string) string { return sink.Words([]byte(text)) }
