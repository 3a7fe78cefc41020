package stream

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/sirupsen/logrus"
)

// watch observes a stream of 1000 MB once a second: sequences of 1 MB, of which
// settled are settled and stored are stored after so many seconds.
func watch(f *Forecast, seconds int, settled, stored func(second int) uint64) (left time.Duration, holder string) {
	start := time.Now()
	for second := range seconds {
		n := stored(second)
		info := &jetstream.StreamInfo{
			Config: jetstream.StreamConfig{MaxBytes: 1000 << 20},
			State:  jetstream.StreamState{Msgs: n, Bytes: n << 20, FirstSeq: 1, LastSeq: n},
		}
		left, holder = f.Observe(start.Add(time.Duration(second)*time.Second), info, []Floor{{"slow", settled(second)}, {"fast", n}})
	}
	return left, holder
}

func linear(from, each int) func(int) uint64 {
	return func(second int) uint64 { return uint64(from + each*second) }
}

func TestAStreamThatGrowsByWhatIsNotSettledHasADeadline(t *testing.T) {
	t.Parallel()
	var f Forecast
	left, holder := watch(&f, 101, linear(100, 1), linear(100, 3))
	if want := 400 * time.Second; left.Round(time.Second) != want || holder != "slow" {
		t.Errorf("full in %v, held by %s, expected %v (200 MB held, 2 MB/s more) by slow", left, holder, want)
	}
}

func TestAStreamThatDrainsOrIsAtRestIsNeverFull(t *testing.T) {
	t.Parallel()
	for name, settled := range map[string]func(int) uint64{
		"drains":     linear(0, 4),
		"keeps pace": func(second int) uint64 { return uint64(99 + 3*second - second%2) },
		"is settled": linear(100, 3),
	} {
		var f Forecast
		if left, _ := watch(&f, 101, settled, linear(100, 3)); left < 24*time.Hour {
			t.Errorf("%s: full in %v", name, left)
		}
	}
	var f Forecast
	if left, _ := watch(&f, 9, linear(0, 0), linear(100, 50)); left != NeverFull {
		t.Errorf("after 9 s: full in %v, expected no word yet", left)
	}
}

func TestAStreamFullOfWhatIsNotSettledHasNoTimeLeft(t *testing.T) {
	t.Parallel()
	var f Forecast
	if left, _ := watch(&f, 2, linear(5, 0), linear(950, 0)); left != 0 {
		t.Errorf("full in %v, expected 0: it grows no more because it is full", left)
	}
	if left, _ := watch(&f, 2, linear(950, 0), linear(950, 0)); left != NeverFull {
		t.Errorf("full in %v, expected never: all is settled and can be trimmed", left)
	}
}

func TestAStreamThatWillBeFullSoonIsWarnedOfOnceAndDoesNotStopAnybody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := logrus.New()
		log.SetOutput(&out)
		reg := prometheus.NewRegistry()
		trimmer := NewTrimmer(nil, "logs", 0, log, reg)
		n, settled := uint64(100), uint64(100)
		run := func(seconds int, more, less uint64) {
			for range seconds {
				n, settled = n+more, settled+less
				trimmer.report(&jetstream.StreamInfo{
					Config: jetstream.StreamConfig{MaxBytes: 4000 << 20, Discard: jetstream.DiscardNew},
					State:  jetstream.StreamState{Msgs: n, Bytes: n << 20, FirstSeq: 1, LastSeq: n},
				}, []Floor{{"slow", settled}})
				time.Sleep(time.Second)
			}
		}
		gauge := func() float64 { return testutil.ToFloat64(trimmer.metrics.untilFull) }
		run(60, 1, 1)
		if out.Len() > 0 || !math.IsInf(gauge(), 1) {
			t.Errorf("%v s, %s", gauge(), &out)
		}
		run(120, 2, 0)
		if said := out.String(); strings.Count(said, "\n") != 1 || !strings.Contains(said, "full and refuses records in") || !strings.Contains(said, "group slow") {
			t.Errorf("said %s", said)
		}
		if s := gauge(); s < 1800 || s > 1960 || len(trimmer.NotReady()) > 0 {
			t.Errorf("%v s, not ready: %v", s, trimmer.NotReady())
		}
		out.Reset()
		run(120, 0, 2)
		if said := out.String(); strings.Count(said, "\n") != 1 || !strings.Contains(said, "no longer") {
			t.Errorf("said %s", said)
		}
	})
}
