package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"

	"lagermeister/heka"
	"lagermeister/stream"
)

const doctorAbout = `Checks NATS, the stream of CTL_SUBJECT, its groups, the dead letters and the
ledger, and tells of each thing whether it is well (OK), should be looked at
(WARN) or loses records or stops the flow (FAIL), with what mends it. It changes
nothing. Exit code 1 when something is FAIL.
` + settingsAbout

// How bad a finding is.
const (
	good = "OK"
	warn = "WARN"
	fail = "FAIL"
)

const (
	doctorTimeout = 30 * time.Second // for everything
	askTimeout    = 3 * time.Second  // for one question a missing right would leave unanswered

	maxBlock     = 1 << 20 // a block is smaller than this and than max_payload
	blockReserve = 4 << 10 // by as much, bytes

	filling = 90 // percent of its size from which a stream is worth a look
	fullAt  = 95 // and from which it counts as full
)

// examination is one run of doctor.
type examination struct {
	cfg    settings
	nc     *nats.Conn
	js     jetstream.JetStream
	out    io.Writer
	counts map[string]int
}

// found prints one finding and, unless all is well, what mends it.
func (x *examination) found(level, fix, format string, args ...any) {
	x.counts[level]++
	fmt.Fprintf(x.out, "%-4s  %s\n", level, fmt.Sprintf(format, args...))
	if level != good && fix != "" {
		fmt.Fprintf(x.out, "      fix: %s\n", fix)
	}
}

func doctor(ctx context.Context, c console, args []string) error {
	flags := newFlags(c, "doctor", "", doctorAbout)
	rest, err := parseFlags(flags, args)
	if err == nil {
		err = noArguments(flags, rest)
	}
	if err != nil {
		return err
	}
	x := examination{out: c.out, counts: make(map[string]int)}
	if _, err := x.cfg.load(c); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	x.examine(ctx)
	fmt.Fprintf(x.out, "\n%d OK, %d WARN, %d FAIL\n", x.counts[good], x.counts[warn], x.counts[fail])
	if n := x.counts[fail]; n > 0 {
		return fmt.Errorf("%d findings to mend", n)
	}
	return nil
}

// examine goes from the broker to the groups; what cannot be reached ends it.
func (x *examination) examine(ctx context.Context) {
	silent := logrus.New()
	silent.SetOutput(io.Discard) // findings say it
	x.cfg.Retries = max(x.cfg.Retries, 1)
	nc, err := x.cfg.connect(ctx, silent)
	if err != nil {
		x.found(fail, "start NATS, or set CTL_NATS_URL and CTL_NATS_CREDS, CTL_NATS_USER or certificates", "%v", err)
		return
	}
	defer nc.Close()
	x.nc = nc
	x.found(good, "", "connected to %s, NATS %s", stream.Server(nc), nc.ConnectedServerVersion())
	x.payload(nc.MaxPayload())
	if x.js, err = jetstream.New(nc); err != nil {
		x.found(fail, "", "JetStream: %v", err)
		return
	}
	x.account(ctx)
	streams, err := stream.Holding(ctx, x.js, x.cfg.Subject)
	switch {
	case errors.Is(err, stream.ErrForbidden):
		x.found(warn, "allow $JS.API.STREAM.NAMES and $JS.API.STREAM.INFO.> to this user", "%v", err)
	case err != nil:
		x.found(fail, "enable JetStream (jetstream {} in the server's configuration), and see that its cluster has a leader", "%v", err)
	case len(streams) == 0:
		x.found(warn, "start a receiver: it creates the stream; or set CTL_SUBJECT", "no stream holds subject %s yet", x.cfg.Subject)
	}
	for _, name := range streams {
		x.stream(ctx, name)
	}
	x.store(ctx, stream.Ledger, 50, "settlements are not folded: see whether a subscriber of every group runs, and why it cannot fold",
		"settlements no longer fit and blocks are not acknowledged")
	x.store(ctx, stream.Replay, 50, "see why the group a replay is meant for does not take it", "no replay can be asked for")
	x.store(ctx, "KV_"+stream.StateBucket, filling, "remove the keys of groups and streams that are gone: nats kv del "+stream.StateBucket+" KEY", "the ledger cannot be folded")
}

// payload compares what the server takes in one message with the size of a block.
func (x *examination) payload(limit int64) {
	block := min(maxBlock, limit) - blockReserve
	largest := int64(heka.MaxFrame(heka.DefaultMaxMessage))
	switch {
	case block < largest:
		x.found(fail, "max_payload: 1MB in the server's configuration", "max_payload is %d: a block of %d bytes cannot hold a message of %d", limit, block, heka.DefaultMaxMessage)
	case limit < maxBlock:
		x.found(warn, "max_payload: 1MB in the server's configuration", "max_payload is %d: blocks are cut at %d bytes, so fewer records share an fsync", limit, block)
	default:
		x.found(good, "", "max_payload is %d: blocks of up to %d bytes", limit, block)
	}
}

// account looks at what JetStream may still store for this user.
func (x *examination) account(ctx context.Context) {
	info, err := x.js.AccountInfo(ctx)
	if err != nil {
		x.found(warn, "enable JetStream, or allow $JS.API.INFO to this user", "JetStream does not tell its limits: %v", err)
		return
	}
	limit := info.Limits.MaxStore
	switch used := float64(info.Store); {
	case limit > 0 && used > 0.95*float64(limit):
		x.found(fail, "raise max_file_store or the account's limit, or remove streams", "the account stores %d of %d bytes it may", info.Store, limit)
	default:
		x.found(good, "", "JetStream is enabled and stores %s", size(info.Store, limit))
	}
}

// size is how much of a limit is used, for people; a limit below 1 is none.
func size(used uint64, limit int64) string {
	if limit < 1 {
		return fmt.Sprintf("%d bytes, without a limit", used)
	}
	return fmt.Sprintf("%d bytes, %.1f %% of %d", used, 100*float64(used)/float64(limit), limit)
}

func percent(used uint64, limit int64) float64 {
	if limit < 1 {
		return 0
	}
	return 100 * float64(used) / float64(limit)
}

// store looks at how full one of our own streams is. worry is the percentage
// from which it is worth a look.
func (x *examination) store(ctx context.Context, name string, worry float64, fix, consequence string) {
	s, err := x.js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return // created when it is first needed
	}
	if err != nil {
		x.found(warn, "", "look up stream %s: %v", name, err)
		return
	}
	info := s.CachedInfo()
	used := percent(info.State.Bytes, info.Config.MaxBytes)
	level, text := good, ""
	switch {
	case used >= fullAt:
		level, text = fail, ": "+consequence
	case used >= worry:
		level = warn
	}
	x.found(level, fix, "stream %s holds %d messages, %s%s", name, info.State.Msgs, size(info.State.Bytes, info.Config.MaxBytes), text)
}
