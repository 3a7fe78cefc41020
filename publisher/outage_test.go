package publisher

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

// The server is killed (SIGKILL) and started again, twice, while eight callers
// append: what was called stored is in the stream, and nothing is there twice.
func TestKilledServerLosesNothingThatWasStored(t *testing.T) {
	t.Parallel()
	server := streamtest.NewProcess(t)
	nc, err := stream.Dial(t.Context(), stream.DialConfig{NATSURL: server.URL}, "test", silent())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	p := open(t, nc)

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var next, called, done, failed atomic.Int64
	confirmed := make([]atomic.Int32, 1<<20)
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for ctx.Err() == nil {
				const run = 20
				first := int(next.Add(run)) - run
				if first+run > len(confirmed) {
					return
				}
				called.Add(1)
				err := p.Append(ctx, frames(first, run, 300), run, func(err error) {
					if err != nil {
						failed.Add(1)
						return
					}
					done.Add(1)
					for n := first; n < first+run; n++ {
						confirmed[n].Add(1)
					}
				})
				if err != nil {
					called.Add(-1)
					return
				}
				time.Sleep(time.Millisecond) // leaves the processors to the servers
			}
		})
	}
	for range 2 {
		before := done.Load()
		streamtest.Eventually(t, "records are stored under load", func() bool { return done.Load() > before+500 })
		server.Kill()
		streamtest.Eventually(t, "intake is refused", func() bool { return p.Unavailable() != nil })
		server.Start()
	}
	streamtest.Eventually(t, "intake is open again", func() bool { return p.Unavailable() == nil })
	before := done.Load()
	streamtest.Eventually(t, "records are stored again", func() bool { return done.Load() > before+500 })
	stop()
	callers.Wait()
	if left := p.Close(streamtest.Context(t)); left != 0 {
		t.Fatalf("%d records left", left)
	}

	got := counts(read(t, streamtest.JetStream(t, nc)))
	total := 0
	for n := range confirmed {
		switch c := int(confirmed[n].Load()); {
		case c > 1:
			t.Fatalf("stored was called %d times for record %d", c, n)
		case c == 1 && got[n] != 1:
			t.Fatalf("record %d was called stored and is in the stream %d times", n, got[n])
		case got[n] > 1:
			t.Fatalf("record %d is in the stream %d times", n, got[n])
		default:
			total += c
		}
	}
	if failed.Load() != 0 || int64(total) != called.Load()*20 {
		t.Errorf("%d records confirmed, %d failures, want all of %d calls", total, failed.Load(), called.Load())
	}
	t.Logf("%d records in %d calls", total, called.Load())
}

// A message format resends too; without ids a record may then be there twice,
// but never be missing.
func TestMessageFormatSurvivesRestart(t *testing.T) {
	t.Parallel()
	server := streamtest.NewProcess(t)
	nc, err := nats.Connect(server.URL, nats.Timeout(streamtest.Timeout), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), nats.ReconnectBufSize(-1))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	p := openAs(t, nc, FormatMessage)
	var s stored
	for i := range 20 {
		if err := p.Append(t.Context(), frames(i*100, 100, 300), 100, s.call); err != nil {
			t.Fatal(err)
		}
		if i == 10 {
			server.Kill()
			server.Start()
		}
	}
	if left := p.Close(streamtest.Context(t)); left != 0 || s.ok.Load() != 20 {
		t.Fatalf("%d records left, stored called %d times", left, s.ok.Load())
	}
	got := counts(read(t, streamtest.JetStream(t, nc)))
	for n := range 2000 {
		if got[n] == 0 {
			t.Fatalf("record %d is missing", n)
		}
	}
}

// While the server stands still the window fills and callers wait; then all is
// stored, once.
func TestStalledServerMakesCallersWait(t *testing.T) {
	t.Parallel()
	server := streamtest.NewProcess(t)
	nc, err := stream.Dial(t.Context(), stream.DialConfig{NATSURL: server.URL}, "test", silent())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	p := open(t, nc)
	server.Pause()
	const run = 500
	calls := 0
	for {
		ctx, cancel := context.WithTimeout(t.Context(), fullWait)
		err := p.Append(ctx, frames(calls*run, run, 300), run, nil)
		cancel()
		if err != nil {
			break // some of this run may be stored
		}
		calls++
	}
	server.Resume()
	if left := p.Close(streamtest.Context(t)); left != 0 {
		t.Fatalf("%d records left", left)
	}
	got := counts(read(t, streamtest.JetStream(t, nc)))
	once(t, got, calls*run)
	if held := calls * run * 300; held < windowBytes*9/10 || held > windowBytes+2*maxBlock {
		t.Errorf("took %d bytes while the server stood still, the window is %d", held, windowBytes)
	}
}
