// Command run measures what the suite is to reach, each figure side by side with
// its reference, and says whether it does. See bench/README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// rows are all that can be measured, in the order of the report.
func rows() []row {
	return []row{
		endToEnd300(), endToEnd3000(), oneConnection(),
		receiver300(), receiver3000(), fsyncOneConnection(), messageFormat(), matching(), connections(), streamSizes(),
		overHTTP(), fullStream(), idle(), latency(), latencyHTTP(), documents(), generator(),
		memoryTCP(), memoryHTTP(),
	}
}

// options are those of the command line.
type options struct {
	rows     string
	reps     int
	seconds  time.Duration
	long     bool
	out      string
	profiles string
}

func main() {
	var o options
	flag.StringVar(&o.rows, "rows", "", "rows to measure, by name with commas between; empty: all")
	flag.IntVar(&o.reps, "reps", 5, "repetitions of each row")
	flag.DurationVar(&o.seconds, "seconds", 5*time.Second, "how long each run sends")
	flag.BoolVar(&o.long, "long", false, "memory for 10 minutes instead of one, a stream of 20 GiB instead of 2")
	flag.StringVar(&o.out, "out", "", "file for the report, with .md at its end; samples go to .jsonl beside it. Rows measured before stay in both")
	flag.StringVar(&o.profiles, "profile", "", "folder for CPU profiles of our programs and the broker, one for each run")
	list := flag.Bool("list", false, "print the names of the rows")
	flag.Parse()
	if *list {
		for _, r := range rows() {
			fmt.Printf("%-20s %s\n", r.name, r.title)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench/run:", err)
		os.Exit(1)
	}
}

// run measures the rows asked for and reports.
func run(ctx context.Context, o options) error {
	chosen, err := choose(o.rows)
	if err != nil {
		return err
	}
	if err := raiseFiles(); err != nil {
		return err
	}
	if o.profiles != "" {
		if err := os.MkdirAll(o.profiles, 0o755); err != nil {
			return err
		}
	}
	l, err := newLab(ctx, o)
	if err != nil {
		return err
	}
	defer l.close()
	commit, _ := exec.Command("git", "describe", "--always", "--dirty").Output()
	var samples []sample
	for _, r := range chosen {
		fmt.Fprintf(os.Stderr, "%s\n", r.title)
		l.row = r.name
		for range o.reps {
			before := round{}
			for _, sys := range r.systems {
				s := l.measure(sys, before)
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				s.Row, s.System, s.Commit = r.name, sys.name, strings.TrimSpace(string(commit))
				fmt.Fprintf(os.Stderr, "  %s\n", s)
				samples = append(samples, s)
				before[sys.name] = s
			}
		}
	}
	return report(os.Stdout, o.out, samples)
}

// raiseFiles lets this program and those it starts open as many files as the
// system allows: 10,000 connections have two ends.
func raiseFiles() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("limit of open files: %w", err)
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("limit of open files, to %d: %w", limit.Max, err)
	}
	return nil
}

// choose finds rows by their names.
func choose(names string) ([]row, error) {
	all := rows()
	if names == "" {
		return all, nil
	}
	var chosen []row
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(all, func(r row) bool { return r.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no row %q, see -list", name)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// measure runs a system once, in an empty folder. What goes wrong is part of the sample.
func (l *lab) measure(sys system, before round) sample {
	began := time.Now()
	err := l.clear()
	var s sample
	if err == nil {
		s, err = sys.measure(l, before)
	}
	s.Time = began.UTC().Truncate(time.Second)
	var absent missing
	switch {
	case errors.As(err, &absent):
		s.Missing = absent.Error()
	case err != nil:
		s.Failed = err.Error()
	}
	return s
}
