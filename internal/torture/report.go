package torture

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"lagermeister/ledger"
)

// Report is what a run came to.
type Report struct {
	Config  Config
	Began   time.Time
	Took    time.Duration
	Dir     string // data and logs; empty when they are gone, or nothing is wrong
	Plan    []Event
	Done    map[string]int
	Skipped []string // events that could not be done
	Filled  int

	Totals    totals
	Ledger    []ledger.Balance
	Settled   time.Duration // time until everything was
	Longest   time.Duration // between two requests that were answered 200
	LongestAt time.Time     // its end
	Recovery  map[string][]time.Duration
	Kills     []time.Duration // of leaders, until going again
	Restarts  int             // after an end with code 69

	Before, After map[string]vitals
	Wrong         map[string]*complaint
}

// finish takes the figures of a run that is over.
func (r *Report) finish(run *run) {
	r.Took = time.Since(r.Began)
	r.Totals, r.Wrong = run.oracle.judge()
	r.Done, r.Skipped, r.Recovery, r.Filled = run.tally.done, run.tally.skipped, run.tally.recovery, run.tally.filled
	r.Longest, r.LongestAt = run.acks.longest, run.acks.at
	for _, p := range run.suite.all() {
		p.mu.Lock()
		r.Restarts += p.restarts
		p.mu.Unlock()
	}
}

// kills returns slowest and median.
func (r *Report) kills() (slowest, median time.Duration) {
	if len(r.Kills) == 0 {
		return 0, 0
	}
	sorted := slices.Sorted(slices.Values(r.Kills))
	return sorted[len(sorted)-1], sorted[len(sorted)/2]
}

func (r *Report) count(demand string) int {
	if c := r.Wrong[demand]; c != nil {
		return c.Count
	}
	return 0
}

// Print writes the page.
func (r *Report) Print(w io.Writer) {
	verdict := "every demand is met"
	if len(r.Wrong) > 0 {
		verdict = fmt.Sprintf("%d DEMANDS ARE NOT MET", len(r.Wrong))
	}
	fmt.Fprintf(w, "lager_ctl torture, seed %d: %s\n\n", r.Config.Seed, verdict)
	fmt.Fprintf(w, "began %s, took %s in all, of which settling %s\n", r.Began.UTC().Format(time.RFC3339), r.Took.Round(time.Second), r.Settled.Round(time.Second))
	t := r.Totals
	fmt.Fprintf(w, "records: %d sent, of which %d owed (acknowledged, or read over TCP), %d of unknown outcome, %d to be refused\n", t.Sent, t.Owed, t.Unknown, t.Refused)
	fmt.Fprintf(w, "lost at the bulk sink %d, at the batch sink %d, of dead letters %d\n",
		r.count(demandBulk), r.count(demandBatch), r.count(demandDead))
	fmt.Fprintf(w, "doubled at the bulk sink %d, damaged %d, never sent %d\n", r.count(demandOnce), r.count(demandSame), r.count(demandSent))
	fmt.Fprintf(w, "bulk sink: %d records, %d came again and were one document; batch sink: %d, %d again; dead letters: %d\n",
		t.AtBulk, t.BulkAgain, t.AtBatch, t.BatchAgain, t.Letters)
	for _, g := range r.Ledger {
		fmt.Fprintf(w, "ledger of %s: difference %d, %s; stored %d = delivered %d (already %d) + filtered %d + dead %d + pending %d + expired %d\n",
			g.Group, g.Difference, g.State, g.Stored, g.Delivered, g.Already, g.Filtered, g.Dead, g.Pending, g.Expired)
	}
	fmt.Fprintf(w, "longest time without an acknowledgement: %.1f s, until %.1f s of the run; the stream was filled %d times\n",
		r.Longest.Seconds(), r.LongestAt.Sub(r.Began).Seconds(), r.Filled)
	if len(r.Kills) > 0 {
		slowest, median := r.kills()
		fmt.Fprintf(w, "leader killed %d times, going again after %.1f s at most, median %.1f s: %v\n", len(r.Kills), slowest.Seconds(), median.Seconds(), seconds(r.Kills))
	}
	r.printFaults(w)
	r.printVitals(w)
	r.printWrong(w)
}

func (r *Report) printFaults(w io.Writer) {
	if len(r.Plan) > 0 {
		fmt.Fprintf(w, "\n%d faults in %s, %d skipped, %d restarts after code 69 (a dependency was away at the start)\n", len(r.Plan), r.Config.Length, len(r.Skipped), r.Restarts)
		fmt.Fprintf(w, "  %-40s %5s   %s\n", "fault", "times", "until ready again, of nodes until the next acknowledgement, s")
	}
	for _, name := range slices.Sorted(maps.Keys(r.Done)) {
		fmt.Fprintf(w, "  %-40s %5d   %s\n", name, r.Done[name], spread(r.Recovery[name]))
	}
	for _, s := range r.Skipped {
		fmt.Fprintf(w, "  skipped: %s\n", s)
	}
}

// spread is median and maximum.
func spread(d []time.Duration) string {
	if len(d) == 0 {
		return ""
	}
	s := slices.Sorted(slices.Values(d))
	return fmt.Sprintf("median %.1f, at most %.1f", s[len(s)/2].Seconds(), s[len(s)-1].Seconds())
}

func seconds(d []time.Duration) (s []float64) {
	for _, x := range d {
		s = append(s, float64(x.Round(100*time.Millisecond))/1e9)
	}
	return s
}

func (r *Report) printVitals(w io.Writer) {
	fmt.Fprintf(w, "\nwhat processes use (limit: twice the memory and 128 MB, one and a half times the rest and 32)\n")
	fmt.Fprintf(w, "  %-10s %-38s %s\n", "", "under load, before", "at rest, after")
	for _, name := range append(slices.Clone(nodeNames), programNames...) {
		fmt.Fprintf(w, "  %-10s %-38v %v\n", name, r.Before[name], r.After[name])
	}
}

func (r *Report) printWrong(w io.Writer) {
	for _, demand := range demands(r.Wrong) {
		c := r.Wrong[demand]
		fmt.Fprintf(w, "\nNOT MET: %s: %d times\n", demand, c.Count)
		for _, e := range c.Examples {
			fmt.Fprintf(w, "  %s\n", e)
		}
	}
	if len(r.Wrong) > 0 {
		fmt.Fprintf(w, "\ndata and logs are in %s\n", r.Dir)
	}
}
