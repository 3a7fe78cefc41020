package subscriber

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestPostsInFlightAreHalvedOn429AndGrowAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1 << 20)
		limit := func() int { _, n := g.inFlight(); return n }
		if limit() != 8 {
			t.Fatalf("starts with %d posts, want 8", limit())
		}
		began := time.Now()
		time.Sleep(time.Second)
		for range 5 { // five answers to posts that left together
			g.throttled(began)
		}
		if limit() != 4 {
			t.Errorf("%d posts after a round of 429, want 4", limit())
		}
		time.Sleep(postGrowth)
		if limit() != 5 {
			t.Errorf("%d posts ten seconds later, want 5", limit())
		}
		time.Sleep(time.Hour)
		if limit() != 25 {
			t.Errorf("%d posts at most, want 25", limit())
		}
		for range 20 {
			began := time.Now()
			time.Sleep(time.Millisecond)
			g.throttled(began.Add(time.Millisecond / 2))
		}
		if limit() != 1 {
			t.Errorf("%d posts at least, want 1", limit())
		}
	})
}

func TestBytesInFlightAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(100)
		var admitted atomic.Int32
		for range 3 {
			go func() {
				if g.admit(t.Context(), 60) == nil {
					admitted.Add(1)
				}
			}()
		}
		synctest.Wait()
		if n := admitted.Load(); n != 1 {
			t.Errorf("%d batches of 60 bytes in flight, limit 100", n)
		}
		g.leave(60)
		synctest.Wait()
		if n := admitted.Load(); n != 2 {
			t.Errorf("%d batches were admitted after one left, want 2", n)
		}
		g.leave(60)
		synctest.Wait()
		g.leave(60)
		if err := g.admit(t.Context(), 1000); err != nil {
			t.Errorf("a batch above the limit must start when it is alone: %v", err)
		}
	})
}

func TestRetryAfterHoldsTheWholeSink(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(100)
		g.coolDown(7 * time.Second)
		g.coolDown(time.Second) // a shorter one does not cut it
		start := time.Now()
		if _, err := g.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(start); waited != 7*time.Second {
			t.Errorf("waited %v, want 7s", waited)
		}
	})
}

func TestOnePostAloneTriesAPausedSink(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(100)
		if !g.pause(pauseSink, "forbidden") || g.pause(pauseSink, "forbidden") {
			t.Error("the first pause must be told from a repeated one")
		}
		var trials, posts atomic.Int32
		ctx, cancel := context.WithCancel(t.Context())
		for range 5 {
			go func() {
				trial, err := g.enter(ctx)
				switch {
				case err != nil:
				case trial:
					trials.Add(1)
				default:
					posts.Add(1)
				}
			}()
		}
		synctest.Wait()
		if trials.Load()+posts.Load() != 0 {
			t.Fatal("a post left while the sink was paused")
		}
		g.allowTrial()
		synctest.Wait()
		if trials.Load() != 1 || posts.Load() != 0 {
			t.Fatalf("%d trials and %d posts left, want one trial", trials.Load(), posts.Load())
		}
		g.resume()
		synctest.Wait()
		if posts.Load() != 4 {
			t.Errorf("%d posts left after the pause, want 4", posts.Load())
		}
		cancel()
	})
}

func TestTheGateSaysHowDeliveryGoes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(100)
		ctx, cancel := context.WithCancel(t.Context())
		for _, wait := range []time.Duration{9 * time.Second, 4 * time.Second} {
			go func() { _ = g.sleep(ctx, wait, fmt.Sprint("the answer before ", wait)) }()
		}
		if _, err := g.enter(ctx); err != nil {
			t.Fatal(err)
		}
		g.coolDown(2 * time.Second)
		time.Sleep(time.Second)
		want := "1 of 8 posts are in flight; the sink has asked for 1s without posts; " +
			"2 batches wait to be sent again, the next one for 3s, after the answer before 4s"
		if got := strings.Join(g.words(), "; "); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		g.done()
		time.Sleep(5 * time.Second)
		if batches, next, why := g.backingOff(); batches != 1 || next != 3*time.Second || why != "the answer before 9s" {
			t.Errorf("%d batches, the next one for %v after %s", batches, next, why)
		}
		cancel()
		synctest.Wait()
		if got := strings.Join(g.words(), "; "); got != "0 of 8 posts are in flight" {
			t.Errorf("afterwards: %s", got)
		}
	})
}

func TestDrainingDoesNotWaitForASink(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(100)
		g.pause(pauseRefused, "mapping")
		ended := make(chan error, 2)
		go func() { _, err := g.enter(t.Context()); ended <- err }()
		go func() { ended <- g.sleep(t.Context(), time.Hour, "busy") }()
		synctest.Wait()
		g.drain()
		for range 2 {
			if err := <-ended; !errors.Is(err, errDraining) {
				t.Errorf("got %v, want %v", err, errDraining)
			}
		}
	})
}
