package torture

import (
	"reflect"
	"testing"
	"time"
)

func TestTheSeedIsTheSchedule(t *testing.T) {
	t.Parallel()
	one, again, other := Plan(7, 5*time.Minute), Plan(7, 5*time.Minute), Plan(8, 5*time.Minute)
	if !reflect.DeepEqual(one, again) {
		t.Error("the same seed gives two schedules")
	}
	if reflect.DeepEqual(one, other) {
		t.Error("two seeds give the same schedule")
	}
}

func TestALongerRunBeginsLikeAShorterOne(t *testing.T) {
	t.Parallel()
	short, long := Plan(3, time.Minute), Plan(3, 10*time.Minute)
	known := map[Event]bool{}
	for _, e := range long {
		known[e] = true
	}
	for _, e := range short {
		if !known[e] {
			t.Errorf("%v is not in the longer schedule", e)
		}
	}
}

func TestFaultsOfALaneNeverOverlapAndAllAreMendedInTime(t *testing.T) {
	t.Parallel()
	const length = 30 * time.Minute
	for seed := range uint64(20) {
		free := map[string]time.Duration{}
		for _, e := range Plan(seed, length) {
			if e.At < free[e.Lane] || e.At+e.For > length {
				t.Errorf("seed %d: %v begins before %v, or ends after %v", seed, e, free[e.Lane], length)
			}
			free[e.Lane] = e.At + e.For
		}
	}
}

// The nodes share a lane: two of three are never away together.
func TestEveryFaultOfEveryTargetComesInHalfAnHour(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, e := range Plan(1, 30*time.Minute) {
		seen[kind(e)] = true
		for _, name := range append([]string{leader}, nodeNames...) {
			if e.Target == name && e.Lane != "nats" {
				t.Errorf("%v is in lane %s", e, e.Lane)
			}
		}
	}
	for _, l := range lanes() {
		for _, fault := range l.faults {
			for _, target := range l.targets {
				if e := (Event{Fault: fault, Target: target}); !seen[kind(e)] {
					t.Errorf("%s never happens", kind(e))
				}
			}
		}
	}
}
