package publisher

import (
	"testing"
	"time"
)

func TestBreakerOpensAfterThreeFailuresInARow(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	var b breaker
	if b.failed(now, false) || b.failed(now, false) || b.open {
		t.Fatal("open after two failures")
	}
	b.succeeded()
	if b.failed(now, false) || b.failed(now, false) {
		t.Fatal("failures before a success count")
	}
	if !b.failed(now, false) || !b.open {
		t.Fatal("closed after three failures")
	}
	if b.failed(now, false) {
		t.Fatal("opened twice")
	}
	if !b.succeeded() || b.open {
		t.Fatal("open after a success")
	}
}

func TestBreakerOpensAtOnceWhenStreamIsFull(t *testing.T) {
	t.Parallel()
	var b breaker
	if !b.failed(time.Unix(0, 0), true) {
		t.Fatal("closed")
	}
}

func TestBreakerProbesFrom50msDoublingTo2s(t *testing.T) {
	t.Parallel()
	start := time.Unix(0, 0)
	var b breaker
	b.failed(start, true)
	var at []time.Duration
	for now := start; len(at) < 9; now = now.Add(time.Millisecond) {
		if b.probe(now) {
			at = append(at, now.Sub(start))
		}
	}
	want := []time.Duration{50, 150, 350, 750, 1550, 3150, 5150, 7150, 9150}
	for i := range want {
		if at[i] != want[i]*time.Millisecond {
			t.Fatalf("probes at %v, want ms %v", at, want)
		}
	}
	b.retry(start.Add(time.Hour)) // after a reconnect
	if !b.probe(start.Add(time.Hour)) || b.probe(start.Add(time.Hour+99*time.Millisecond)) || !b.probe(start.Add(time.Hour+100*time.Millisecond)) {
		t.Error("retry does not start the series anew")
	}
}
