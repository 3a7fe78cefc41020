package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/user"
	"strings"
	"time"

	"lagermeister/deadletter"
	"lagermeister/internal/program"
)

func deadReplay(ctx context.Context, c console, args []string) error {
	flags := newFlags(c, "dead replay", "[options]", deadAbout)
	return deadChange(ctx, c, flags, args, func() error { return nil }, (*deadletter.Box).Replay, "asked to be delivered once more")
}

func deadDrop(ctx context.Context, c console, args []string) error {
	flags := newFlags(c, "dead drop", "[options]", deadAbout)
	yes := flags.Bool("yes", false, "really: what is dropped is gone for good")
	sure := func() error {
		if *yes {
			return nil
		}
		return usageError("dropped letters are gone for good: say --yes, or --dry-run to count them")
	}
	return deadChange(ctx, c, flags, args, sure, (*deadletter.Box).Drop, "dropped")
}

// deadChange does one thing to the letters that the flags choose.
func deadChange(ctx context.Context, c console, flags *flag.FlagSet, args []string, sure func() error,
	do func(*deadletter.Box, context.Context, deadletter.Change) (deadletter.Counts, error), done string) error {
	var s selection
	s.flags(flags)
	change := deadletter.Change{Who: whoAmI()}
	flags.Float64Var(&change.Rate, "rate", 0, "at most `N` letters a second; 0: as fast as it goes")
	flags.BoolVar(&change.DryRun, "dry-run", false, "only count")
	rest, err := parseFlags(flags, args)
	if err == nil {
		err = noArguments(flags, rest)
	}
	if err == nil && change.Rate < 0 {
		err = usageError("--rate %v: want 0 or more", change.Rate)
	}
	if err == nil && !change.DryRun {
		err = sure()
	}
	if err != nil {
		return err
	}
	if change.Filter, err = s.filter(time.Now()); err != nil {
		return err
	}
	b, log, end, err := s.box(ctx, c)
	if err != nil {
		return err
	}
	defer end()
	change.Log = log
	told := time.Now()
	change.Progress = func(n deadletter.Counts) {
		if time.Since(told) >= time.Second {
			told = time.Now()
			fmt.Fprintf(c.err, "%d letters so far\n", n.Selected)
		}
	}
	n, err := do(b, ctx, change)
	if err != nil {
		err = fmt.Errorf("after %d letters: %w", n.Done, err)
		if ctx.Err() != nil {
			err = program.Exit(program.ExitIncomplete, errors.New(strings.TrimSuffix(err.Error(), ": context canceled")+": stopped"))
		}
		return err
	}
	if s.json {
		return c.json(struct {
			Stream string `json:"stream"`
			DryRun bool   `json:"dry_run"`
			deadletter.Counts
		}{b.Stream(), change.DryRun, n})
	}
	fmt.Fprintf(c.out, "%d letters selected, %d bytes; %d %s", n.Selected, n.Bytes, n.Done, done)
	if n.Gone > 0 {
		fmt.Fprintf(c.out, "; %d were gone already", n.Gone)
	}
	if n.Deaf > 0 {
		fmt.Fprintf(c.out, "; %d are of a group that takes no replays", n.Deaf)
	}
	fmt.Fprintln(c.out)
	return nil
}

// whoAmI names the operator for the audit.
func whoAmI() string {
	name := "uid " + fmt.Sprint(os.Getuid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	return name + "@" + host
}
