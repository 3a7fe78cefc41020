package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"

	"lagermeister/ledger"
)

const ledgerAbout = `Says where the records of every group are, by what is in NATS itself:

  stored = delivered + filtered + dead + pending + expired + difference

The difference is 0 unless records are unaccounted for or counted twice. States:
balanced (the difference is 0, also while some are pending), difference, unknown
(see the error). It changes nothing. Exit code 1 when a group has a difference or
is unknown.
` + settingsAbout

// ledgerShow prints the balance of all groups.
func ledgerShow(ctx context.Context, c console, args []string) error {
	flags := newFlags(c, "ledger", "[options]", ledgerAbout)
	name := flags.String("stream", "", "only the stream of this `NAME`")
	asJSON := flags.Bool("json", false, "print JSON, as GET /api/v2/ledger of stats_proxy answers")
	timeout := flags.Duration("timeout", time.Minute, "for everything; pending blocks whose headers are not read by then count as one record each")
	rest, err := parseFlags(flags, args)
	if err == nil {
		err = noArguments(flags, rest)
	}
	if err != nil {
		return err
	}
	var cfg settings
	nc, js, log, err := cfg.jetStream(ctx, c)
	if err != nil {
		return err
	}
	defer nc.Close()
	streams := []string{*name}
	if *name == "" {
		if streams, err = ledger.Streams(ctx, js); err != nil {
			return err
		}
	}
	books, unread, err := ledger.Balances(ctx, js, streams, *timeout)
	if err != nil {
		return err
	}
	if *name != "" && len(books.Streams) == 0 {
		return fmt.Errorf("there is no stream %s", *name)
	}
	if unread > 0 {
		log.WithField("blocks", unread).Warn("not all headers were read in time: that many pending blocks count as one record each; the difference is right all the same")
	}
	if *asJSON {
		enc := json.NewEncoder(c.out)
		enc.SetIndent("", "  ")
		err = enc.Encode(books)
	} else {
		err = printBooks(c.out, &books)
	}
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if bad := books.Unbalanced(); len(bad) > 0 {
		return fmt.Errorf("not balanced: %s", strings.Join(bad, ", "))
	}
	return nil
}

// jetStream reads the variables and connects.
func (s *settings) jetStream(ctx context.Context, c console) (*nats.Conn, jetstream.JetStream, logrus.FieldLogger, error) {
	log, err := s.load(c)
	if err != nil {
		return nil, nil, nil, err
	}
	nc, err := s.connect(ctx, log)
	if err != nil {
		return nil, nil, nil, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		nc.Close()
		return nil, nil, nil, fmt.Errorf("use JetStream: %w", err)
	}
	return nc, js, log, nil
}

func printBooks(out io.Writer, books *ledger.Books) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "STREAM\tGROUP\tSTATE\tSTORED\tDELIVERED\tALREADY\tREPAIRED\tFILTERED\tDEAD\tPENDING\tEXPIRED\tDIFFERENCE\t")
	var errs []error
	for _, s := range books.Streams {
		for _, g := range s.Groups {
			state := g.State
			if g.Closed {
				state += ", closed"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", s.Stream, g.Group, state,
				g.Stored, g.Delivered, g.Already, g.Repaired, g.Filtered, g.Dead, g.Pending, g.Expired, g.Difference)
			if g.Error != "" {
				errs = append(errs, fmt.Errorf("%s/%s: %s", s.Stream, g.Group, g.Error))
			}
		}
		if len(s.Groups) == 0 {
			fmt.Fprintf(w, "%s\t(no group)\t\t\t\t\t\t\t\t\t\t\t\n", s.Stream)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := errors.Join(errs...); err != nil {
		fmt.Fprintln(out, err)
	}
	return nil
}
