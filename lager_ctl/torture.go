package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"lagermeister/internal/torture"
)

const tortureAbout = `Runs the real programs as processes on loopback, around three NATS servers with
three replicas, kills, stops and restarts them, cuts and delays their
connections, fills their stream and sends garbage; then demands that every
record that was acknowledged is at the bulk sink once and as it was sent, and at
the other sink at least once, that the ledger balances, and that all processes
live and use no more than before. The page it prints tells the rest. It needs
the Go tools and the source tree, or --bin.

Exit code 1 when a demand is not met; data and logs are kept then.`

// tortureRun runs package torture.
func tortureRun(ctx context.Context, c console, args []string) (err error) {
	flags := newFlags(c, "torture", "[options]", tortureAbout)
	cfg := torture.Config{Progress: c.err}
	minutes := flags.Float64("minutes", 1, "length of the schedule; starting and settling take some more `MINUTES`")
	flags.Uint64Var(&cfg.Seed, "seed", uint64(time.Now().UnixNano())%1_000_000, "`NUMBER` that fixes the schedule and the records (default another one each time)")
	flags.IntVar(&cfg.LeaderKills, "leader-kills", 0, "instead of the schedule, kill the leader of the stream so many `TIMES`, and demand that it goes on within 12 s")
	flags.StringVar(&cfg.Bin, "bin", "", "`FOLDER` with the programs and nats-server; empty: they are built")
	flags.StringVar(&cfg.Dir, "dir", "", "`FOLDER` for data and logs, kept; empty: a temporary one, kept when a demand is not met")
	file := flags.String("report", "", "write the report to `FILE` too")
	plan := flags.Bool("plan", false, "print the schedule and run nothing")
	quiet := flags.Bool("quiet", false, "print no line for each fault")
	rest, err := parseFlags(flags, args)
	if err == nil {
		err = noArguments(flags, rest)
	}
	if err != nil {
		return err
	}
	if cfg.Length = time.Duration(*minutes * float64(time.Minute)); cfg.Length < 10*time.Second || cfg.LeaderKills < 0 {
		return usageError("--minutes %g, --leader-kills %d: want at least 10 seconds, and 0 or more", *minutes, cfg.LeaderKills)
	}
	if *plan {
		for _, e := range torture.Plan(cfg.Seed, cfg.Length) {
			fmt.Fprintln(c.out, e)
		}
		return nil
	}
	if *quiet {
		cfg.Progress = nil
	}
	out := c.out
	if *file != "" {
		f, err := os.Create(*file)
		if err != nil {
			return err
		}
		defer f.Close()
		out = io.MultiWriter(c.out, f)
	}
	report, err := torture.Run(ctx, cfg)
	if report != nil {
		report.Print(out)
	}
	return err
}
