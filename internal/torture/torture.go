package torture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Config says what to run.
type Config struct {
	Length time.Duration // of the schedule; starting and settling come on top
	Seed   uint64
	// LeaderKills, when not 0, replaces the schedule: the leader of the stream is
	// killed so many times under load, each time once all nodes are current again.
	LeaderKills int
	Bin         string    // folder with the programs; empty: they are built
	Dir         string    // for data and logs, made if missing; empty: a temporary one, removed after success
	Progress    io.Writer // gets a line for each fault
}

const (
	warmUp     = 5 * time.Second // of load before what processes use is noted
	settleTime = 5 * time.Minute // ack_wait is a minute, and a pause of a sink half of one
)

// Limits that the kills of leaders must keep.
const (
	slowestRecovery = 12 * time.Second
	medianRecovery  = 7 * time.Second
)

// ErrUnmet is the error of a run whose demands were not all met.
var ErrUnmet = errors.New("not every demand was met")

// Run does one run. It returns a report unless the suite cannot be started; with
// ErrUnmet the data and logs stay in the folder that the report names. A run that
// ctx ends is no run.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	dir, err := cfg.folder()
	if err != nil {
		return nil, err
	}
	bin := cfg.Bin
	if bin == "" {
		bin = filepath.Join(dir, "bin")
		if err := Build(ctx, bin); err != nil {
			return nil, err
		}
	}
	if bin, err = filepath.Abs(bin); err != nil {
		return nil, err
	}
	if err := complete(bin); err != nil {
		return nil, err
	}
	r := &run{Config: cfg, tally: newTally(), report: &Report{Config: cfg, Dir: dir, Began: time.Now()}}
	r.oracle = newOracle(maker{cfg.Seed, time.Now()})
	if err := r.run(ctx, bin, dir); err != nil {
		return nil, fmt.Errorf("%w; data and logs are in %s", err, dir)
	}
	r.report.finish(r)
	if len(r.report.Wrong) > 0 {
		return r.report, ErrUnmet
	}
	r.report.Dir = ""
	if cfg.Dir == "" {
		err = os.RemoveAll(dir)
	}
	return r.report, err
}

func (c *Config) folder() (string, error) {
	if c.Dir == "" {
		return os.MkdirTemp("", "lagermeister-torture-")
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o755)
}

// run is one run at work.
type run struct {
	Config
	suite  *suite
	oracle *oracle
	tally  *tally
	acks   *acks
	report *Report

	mu sync.Mutex // of Progress
}

func (r *run) log(format string, args ...any) {
	if r.Progress == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.Progress, "%6.1fs  %s\n", time.Since(r.report.Began).Seconds(), fmt.Sprintf(format, args...))
}

// run starts the suite, hurts it under load, lets it settle and stops it.
func (r *run) run(ctx context.Context, bin, dir string) error {
	indexDate := "%Y.%m.%d.%H.%M" // a wrong date is another document
	if r.Length > 30*time.Minute {
		indexDate = "%Y.%m.%d" // members make 64 indices an hour at most
	}
	streamBytes := smallStream
	if r.LeaderKills > 0 {
		streamBytes = largeStream
	}
	s, err := newSuite(ctx, bin, dir, r.oracle, indexDate, streamBytes)
	defer s.close()
	if err != nil {
		return err
	}
	r.suite = s
	r.log("%d processes run, data and logs in %s", len(s.all()), dir)

	c := newClients(s, r.oracle)
	r.acks = &c.acks
	sending, stopSending := context.WithCancel(ctx)
	watching, stopWatching := context.WithCancel(ctx)
	var clients, watchers sync.WaitGroup
	defer func() { stopSending(); stopWatching(); clients.Wait(); watchers.Wait() }()
	clients.Go(func() { c.run(sending) })
	for _, t := range c.receipts {
		watchers.Go(func() { t.watch(watching) })
	}
	if err := pause(ctx, warmUp); err != nil {
		return err
	}
	r.report.Before = r.vitals()
	x := &executor{suite: s, clients: c, oracle: r.oracle, tally: r.tally, log: r.log}
	if r.LeaderKills > 0 {
		err = r.killLeaders(ctx, x)
	} else {
		r.report.Plan = Plan(r.Seed, r.Length)
		x.run(ctx, r.report.Plan)
		err = ctx.Err()
	}
	if err != nil {
		return err
	}
	r.log("the schedule is over, letting everything settle")
	if err := pause(ctx, 2*time.Second); err != nil { // clients go on, to everything that is well again
		return err
	}
	stopSending()
	clients.Wait()
	r.settle(ctx)
	stopWatching()
	watchers.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	r.rest(ctx)
	s.stop(r.oracle)
	s.panics(r.oracle)
	return ctx.Err()
}

// settle waits until everything is where it belongs, and complains of what is not
// after settleTime.
func (r *run) settle(ctx context.Context) {
	began, shown := time.Now(), time.Time{}
	var why string
	settled := within(ctx, settleTime, func() bool {
		if why = r.unsettled(ctx, began); why != "" && time.Since(shown) > 10*time.Second {
			shown = time.Now()
			r.log("not yet: %s", why)
		}
		return why == ""
	})
	r.report.Settled = time.Since(began)
	if !settled && ctx.Err() == nil {
		r.oracle.complain("everything settles", "not after %v: %s", settleTime, why)
	}
	_ = pause(ctx, 2*time.Second) // for what should not come any more
	if err := r.suite.letters(ctx, r.oracle); err != nil && ctx.Err() == nil {
		r.oracle.complain("dead letters can be read", "%v", err)
	}
	groups, why := r.suite.balances(began)
	r.report.Ledger = groups
	if why != "" {
		r.oracle.complain("the ledger balances to 0", "%s", why)
	}
}

// unsettled says what is not yet as it must be in the end.
func (r *run) unsettled(ctx context.Context, since time.Time) string {
	for _, p := range r.suite.all() {
		if status, body := get(p.health); status != 200 {
			return fmt.Sprintf("%s is not ready: %.200s", p.name, body)
		}
	}
	if why := r.suite.idle(ctx); why != "" {
		return why
	}
	if bulk, batch, _, _ := r.oracle.missing(); bulk+batch > 0 {
		return fmt.Sprintf("%d owed records are missing at the bulk sink, %d at the batch sink", bulk, batch)
	}
	_, why := r.suite.balances(since)
	return why
}

// rest waits until every process uses what it may at rest, and complains of those
// that go on using more.
func (r *run) rest(ctx context.Context) {
	within(ctx, time.Minute, func() bool {
		r.report.After = r.vitals()
		for name, v := range r.report.After {
			if v.over(r.report.Before[name].limit()) != "" {
				return false
			}
		}
		return true
	})
	for name, v := range r.report.After {
		if over := v.over(r.report.Before[name].limit()); over != "" {
			r.oracle.complain("processes use no more than before", "%s: %s", name, over)
		}
	}
}

func (r *run) vitals() map[string]vitals {
	all := map[string]vitals{}
	for _, p := range r.suite.all() {
		all[p.name] = p.vitals()
	}
	return all
}

// killLeaders kills the leader of the stream again and again, and measures how
// long until a request is answered 200 that began after it.
func (r *run) killLeaders(ctx context.Context, x *executor) error {
	for i := range r.LeaderKills {
		if err := r.suite.whole(ctx, 2*time.Minute); err != nil {
			return fmt.Errorf("before kill %d: %w", i+1, err)
		}
		node, err := r.suite.node(ctx, leader)
		if err != nil {
			return err
		}
		began := time.Now()
		node.kill()
		after, err := x.clients.acks.next(ctx, began, patience)
		if err != nil {
			return fmt.Errorf("after kill %d, of %s: %w", i+1, node.name, err)
		}
		r.report.Kills = append(r.report.Kills, after)
		r.log("kill %d, of %s: going again after %.1f s", i+1, node.name, after.Seconds())
		if err := pause(ctx, time.Until(began.Add(3*time.Second))); err != nil {
			return err
		}
		if err := node.start(); err != nil {
			return err
		}
	}
	slowest, median := r.report.kills()
	if slowest > slowestRecovery || median > medianRecovery {
		r.oracle.complain("going again after the kill of a leader", "slowest %v, limit %v; median %v, limit %v", slowest, slowestRecovery, median, medianRecovery)
	}
	return nil
}
