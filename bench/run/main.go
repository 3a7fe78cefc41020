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
		endToEnd300(),
	}
}

func main() {
	names := flag.String("rows", "", "rows to measure, by name with commas between; empty: all")
	list := flag.Bool("list", false, "print the names of the rows")
	reps := flag.Int("reps", 5, "repetitions of each row")
	seconds := flag.Duration("seconds", 5*time.Second, "how long each run sends")
	long := flag.Bool("long", false, "memory for 10 minutes instead of one, a stream of 20 GiB instead of 4")
	out := flag.String("out", "", "file for the report, with .md at its end; samples go to .jsonl beside it. Rows measured before stay in both")
	flag.Parse()
	if *list {
		for _, r := range rows() {
			fmt.Printf("%-20s %s\n", r.name, r.title)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *names, *reps, *seconds, *long, *out); err != nil {
		fmt.Fprintln(os.Stderr, "bench/run:", err)
		os.Exit(1)
	}
}

// run measures the rows named and reports.
func run(ctx context.Context, names string, reps int, seconds time.Duration, long bool, out string) error {
	chosen, err := choose(names)
	if err != nil {
		return err
	}
	l, err := newLab(ctx, seconds, long)
	if err != nil {
		return err
	}
	defer l.close()
	commit, _ := exec.Command("git", "describe", "--always", "--dirty").Output()
	var samples []sample
	for _, r := range chosen {
		fmt.Fprintf(os.Stderr, "%s\n", r.title)
		for range reps {
			for _, sys := range r.systems {
				s := l.measure(sys)
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				s.Row, s.System, s.Commit = r.name, sys.name, strings.TrimSpace(string(commit))
				fmt.Fprintf(os.Stderr, "  %s\n", s)
				samples = append(samples, s)
			}
		}
	}
	return report(os.Stdout, out, samples)
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
func (l *lab) measure(sys system) sample {
	began := time.Now()
	err := l.clear()
	var s sample
	if err == nil {
		s, err = sys.measure(l)
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
