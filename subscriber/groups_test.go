package subscriber

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"lagermeister/sink"
)

// as is the config of another group.
func as(group string) Config {
	cfg := testConfig()
	cfg.Durable = group
	return cfg
}

// silent never answers.
type silent struct{ *scripted }

func (silent) Send(ctx context.Context, _ []sink.Record, _ []sink.Result) error {
	<-ctx.Done()
	return &sink.Error{Err: ctx.Err()}
}

// One group's sink is forbidden for the whole test, another one's never answers:
// a third has everything all the same.
func TestASlowOrPausedSinkStopsNobodyElse(t *testing.T) {
	t.Parallel()
	const blocks, records = 100, 100
	w := newWorld(t)
	forbidden, well := newScripted(), newScripted()
	forbidden.do(func([]sink.Record, []sink.Result) error {
		return &sink.Error{Class: sink.Pause, Status: 403, Reason: "no right to write"}
	})
	paused := w.join(w.nc, as("forbidden"), forbidden)
	silentConfig := as("silent")
	silentConfig.DrainTimeout = time.Millisecond
	slow := w.join(w.nc, silentConfig, silent{newScripted()})
	w.join(w.nc, testConfig(), well)

	for i := range blocks {
		w.store(payloads(fmt.Sprint(i), records)...)
	}
	w.settled(blocks)
	if well.len() != blocks*records || forbidden.len() != 0 {
		t.Errorf("the sinks have %d and %d records", well.len(), forbidden.len())
	}
	if reasons := strings.Join(paused.NotReady(), ";"); !strings.Contains(reasons, "no right to write") {
		t.Errorf("the paused group says %q", reasons)
	}
	if reasons := slow.NotReady(); len(reasons) != 0 {
		t.Errorf("the slow group says %v", reasons)
	}
	forbidden.do(nil)
	w.until("the other group delivers what it held back", func() bool { return forbidden.len() == blocks*records })
}

// A group that has been away drains while records go on coming in, as fast as
// its sink takes them, and the group that is up to date does not fall behind.
func TestABacklogDrainsAtFullSpeedBesideLiveTraffic(t *testing.T) {
	t.Parallel()
	const backlog, live, records = 150, 100, 100 // blocks, blocks, records in each
	w := newWorld(t)
	present, absent := newScripted(), newScripted()
	w.join(w.nc, testConfig(), present)
	away := w.join(w.nc, as("away"), absent)
	if err := away.stop(); err != nil {
		t.Fatal(err)
	}
	for i := range backlog {
		w.store(payloads(fmt.Sprint("old ", i), records)...)
	}
	w.until("one group is up to date", func() bool { return present.len() == backlog*records })

	cfg := as("away")
	cfg.BatchSize, cfg.BatchTimeout = 1000, 20*time.Second
	w.join(w.nc, cfg, absent)
	for i := range live {
		w.store(payloads(fmt.Sprint("new ", i), records)...)
		w.until("the group that was up to date is less than 50 blocks behind", func() bool {
			return (backlog+i+1)*records-present.len() < 50*records
		})
	}
	const all = (backlog + live) * records
	w.until("both groups have everything", func() bool { return present.len() == all && absent.len() == all })
	if n := absent.largest(); n != 1000 {
		t.Errorf("the backlog drained in batches of %d records at most, want full ones of 1000", n)
	}
	for _, s := range []*scripted{present, absent} {
		for id, n := range s.times {
			if n != 1 {
				t.Fatalf("%s was delivered %d times", id, n)
			}
		}
	}
}
