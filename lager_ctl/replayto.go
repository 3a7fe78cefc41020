package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"lagermeister/heka"
	"lagermeister/heka/encode"
	"lagermeister/heka/recordid"
	"lagermeister/sink"
	"lagermeister/sink/bulk"
	"lagermeister/sink/httppost"
	"lagermeister/stream"
)

const (
	replayBatchBytes = 5 << 20 // a batch is full at this many bytes of documents
	toldRefusals     = 20      // refused records that are told one by one
	replayReserve    = 4 << 10 // of the largest message, for headers
)

// destination are the flags that say where a replay goes.
type destination struct {
	group, url, kind, index, format string
	batch                           int
}

func (d *destination) flags(flags *flag.FlagSet) {
	flags.StringVar(&d.group, "to-group", "", "have this `GROUP` deliver it")
	flags.StringVar(&d.url, "to-url", "", "send it to this `URL`")
	flags.StringVar(&d.kind, "kind", "bulk", "what is at the URL, `KIND`: bulk (Elasticsearch, OpenSearch) or http (JSON lines are posted)")
	flags.StringVar(&d.index, "index", "lagermeister-%{%Y.%m.%d}", "`INDEX` for --kind bulk, as in ESSUB_INDEX")
	flags.StringVar(&d.format, "format", "", "`SHAPE` of the documents at the URL: heka, logstash or ecs; ecs for bulk, heka for http when not given")
	flags.IntVar(&d.batch, "batch", 1000, "`N` records in a request to the URL")
}

func (d *destination) check() error {
	switch {
	case (d.group == "") == (d.url == ""):
		return usageError("want one of --to-group and --to-url; see lager_ctl replay --help")
	case d.kind != "bulk" && d.kind != "http":
		return usageError("--kind %q: want bulk or http", d.kind)
	case d.batch < 1:
		return usageError("--batch %d: want 1 or more", d.batch)
	}
	return nil
}

// String names the destination without what may be secret in a URL.
func (d *destination) String() string {
	if d.group != "" {
		return "to group " + stream.Clean(d.group)
	}
	u, err := url.Parse(d.url)
	if err != nil {
		return "to a URL"
	}
	return "to " + d.kind + " " + u.Scheme + "://" + u.Host
}

// open prepares the destination; nothing is sent yet.
func (d *destination) open(ctx context.Context, w *window, cfg *settings, log logrus.FieldLogger) (replayTarget, error) {
	if d.group != "" {
		takes, err := stream.TakesReplays(ctx, w.js, w.stream, d.group)
		if err == nil && !takes {
			err = fmt.Errorf("group %s of stream %s takes no replays: there is no such group, or it forwards to a hub, or its subscriber is older than that", d.group, w.stream)
		}
		return &toGroup{js: w.js, n: &w.n, subject: stream.ReplaySubject(w.stream, stream.Clean(d.group))}, err
	}
	format := d.format
	if format == "" {
		format = map[string]string{"bulk": "ecs", "http": "heka"}[d.kind]
	}
	enc, err := encode.New(format, nil, nil)
	if err != nil {
		return nil, usageError("--format: %w", err)
	}
	t := &toURL{w: w, enc: enc, size: d.batch, log: log}
	reg := prometheus.NewRegistry() // nobody asks
	if d.kind == "http" {
		s, err := httppost.New(httppost.Config{RemoteURL: []string{d.url}, Config: cfg.Remote}, log, reg)
		if err != nil {
			return nil, usageError("--to-url: %w", err)
		}
		t.sink, t.end = s, s.Close
		return t, nil
	}
	if t.index, err = encode.ParseIndex(d.index); err != nil {
		return nil, usageError("--index: %w", err)
	}
	s, err := bulk.New(bulk.Config{RemoteURL: []string{d.url}, Index: d.index, IndexTemplate: true, Repair: true, Config: cfg.Remote}, log, reg)
	if err != nil {
		return nil, usageError("--to-url: %w", err)
	}
	t.sink, t.end = s, s.Close
	return t, nil
}

// toGroup publishes runs of records for a group.
type toGroup struct {
	js      jetstream.JetStream
	n       *progress
	subject string

	first   origin // of the run
	records int
	run     []byte
}

func (t *toGroup) record(ctx context.Context, at origin, _ *heka.Message, raw []byte, bare bool) error {
	most := int(t.js.Conn().MaxPayload()) - replayReserve
	if t.records > 0 && (bare || at.index != t.first.index+t.records || len(t.run)+len(raw) > most) {
		if err := t.flush(ctx); err != nil {
			return err
		}
	}
	if t.records == 0 {
		t.first = at
	}
	t.run = append(t.run, raw...)
	t.records++
	return nil
}

func (t *toGroup) blockDone(ctx context.Context) (open uint64, err error) { return 0, t.flush(ctx) }

func (t *toGroup) flush(ctx context.Context) error {
	if t.records == 0 {
		return nil
	}
	msg := &nats.Msg{Subject: t.subject, Data: t.run, Header: nats.Header{
		stream.HeaderOrigin:   {t.first.origin},
		stream.HeaderSequence: {strconv.FormatUint(t.first.sequence, 10)},
		stream.HeaderIndex:    {strconv.Itoa(t.first.index)},
		stream.HeaderCut:      {t.first.cutMs},
	}}
	if err := stream.PublishReplay(ctx, t.js, msg); err != nil {
		return err
	}
	t.n.Sent += uint64(t.records)
	t.run, t.records = t.run[:0], 0
	return nil
}

func (t *toGroup) close() {}

// toURL sends batches to a sink of its own, one after the other.
type toURL struct {
	w     *window
	sink  sink.Sink
	end   func()
	enc   *encode.Encoder
	index *encode.IndexPattern // nil for sinks without indices
	size  int
	log   logrus.FieldLogger

	hash      recordid.Hasher
	first     uint64 // sequence of the first of the records
	records   []sink.Record
	positions []string
	bytes     int
}

func (t *toURL) record(ctx context.Context, at origin, m *heka.Message, raw []byte, _ bool) error {
	r := encode.Record{Message: m, Sequence: at.sequence, Index: at.index, Cut: at.cut}
	var one sink.Record
	if t.index != nil {
		one.Index, r.ClockSkew = t.index.Append(nil, m, at.cut)
	}
	one.ID = t.hash.Append(nil, m, at.origin, at.index)
	one.Doc = t.enc.Append(nil, &r)
	if len(t.records) == 0 {
		t.first = at.sequence
	}
	t.records = append(t.records, one)
	t.positions = append(t.positions, fmt.Sprintf("%d.%d", at.sequence, at.index))
	if t.bytes += len(one.Doc); len(t.records) < t.size && t.bytes < replayBatchBytes {
		return nil
	}
	return t.flush(ctx)
}

func (t *toURL) blockDone(context.Context) (open uint64, err error) {
	if len(t.records) > 0 {
		open = t.first
	}
	return open, nil
}

func (t *toURL) flush(ctx context.Context) error {
	err := t.send(ctx, t.records, t.positions)
	if err == nil {
		t.records, t.positions, t.bytes = t.records[:0], t.positions[:0], 0
	}
	return err
}

// send repeats until each record is taken or refused. Only an answer that someone
// must look at, and the end of ctx, are errors.
func (t *toURL) send(ctx context.Context, records []sink.Record, positions []string) error {
	for attempt := 1; len(records) > 0; attempt++ {
		results := make([]sink.Result, len(records))
		err := t.sink.Send(ctx, records, results)
		left, at := records[:0:0], positions[:0:0]
		for i, r := range results {
			switch r.Outcome {
			case sink.Retry:
				left, at = append(left, records[i]), append(at, positions[i])
				continue
			case sink.Refused:
				if t.w.n.Refused++; t.w.n.Refused <= toldRefusals {
					fmt.Fprintf(t.w.err, "position %s refused: status %d, %s: %s\n", positions[i], r.Status, words(r.Type), words(r.Reason))
				}
				continue
			case sink.Already:
				t.w.n.Already++
			}
			t.w.n.Sent++
		}
		records, positions = left, at
		if err == nil || len(records) == 0 {
			continue
		}
		var why *sink.Error
		if ctx.Err() != nil || !errors.As(err, &why) {
			return err
		}
		switch {
		case why.Class == sink.Pause:
			return err
		case why.Class == sink.Split && len(records) > 1:
			half := len(records) / 2
			if err := t.send(ctx, records[:half], positions[:half]); err != nil {
				return err
			}
			records, positions = records[half:], positions[half:]
			continue
		}
		wait := max(why.RetryAfter, rand.N(min(30*time.Second, 200*time.Millisecond<<min(attempt, 8))))
		t.log.WithError(err).WithField("retry_in", wait.Round(time.Millisecond)).Warn("the sink did not take the batch, sending it again")
		if err := stream.Pause(ctx, wait); err != nil {
			return err
		}
	}
	return nil
}

func (t *toURL) close() { t.end() }
