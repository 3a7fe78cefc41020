package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"lagermeister/internal/pipeline"
	"lagermeister/sink/sinktest"
)

// More comes in than the stream can hold while the sink takes nothing: it does
// not answer or, with -long, answers 401, which pauses delivery until a probe 30 s
// later finds it in order.
func TestAFullStreamRefusesAndGoesOnWhenTheSinkDoes(t *testing.T) {
	t.Parallel()
	const (
		streamBytes = 16 << 20
		size        = 8 << 10
		overTCP     = 3 * streamBytes / size // records
		window      = 6 << 20                // what the receiver may hold
	)
	far := sinktest.New(t)
	answering := make(chan struct{})
	far.Fail(func(a *sinktest.Attempt) { <-answering; a.Answer(a.Take(nil)) })
	if *long {
		far.Fail(sinktest.Status(http.StatusUnauthorized))
	}
	r := start(t, to(far), func(s *pipeline.Settings) {
		s.Stream.StreamMaxBytes = streamBytes
		s.HTTP.AckTimeout = time.Second
	})

	conn := dial(t, r.TCP)
	sent := make(chan error, 1)
	go func() {
		for n := range overTCP {
			if _, err := conn.Write(frame(n, size)); err != nil {
				sent <- err
				return
			}
		}
		sent <- conn.Close()
	}()

	next := overTCP // number of the next record over HTTP; repeated until it is stored
	eventually(t, "HTTP refuses", func() bool {
		status := r.post(t, http.DefaultClient, frame(next, size))
		if status == http.StatusOK {
			next++
		}
		return status == http.StatusServiceUnavailable
	})
	// TCP is read no further: a second passes without a record. (What the system's
	// buffers take beyond that differs from machine to machine.)
	read := func() float64 { return r.metric(t, "lagermeister_receiver_received_records_total", "input", "tcp") }
	eventually(t, "records come over TCP", func() bool { return read() > 0 })
	for last := -1.0; last != read(); time.Sleep(time.Second) {
		last = read()
	}
	if most := float64((streamBytes + window) / size); read() > most {
		t.Errorf("%v records were read over TCP, expected at most %v", read(), most)
	}
	eventually(t, "/ready says who keeps the stream full", func() bool {
		return slices.ContainsFunc(r.program.NotReady(), func(reason string) bool {
			return strings.Contains(reason, "is full and held by group es_subscriber")
		})
	})
	if s := r.state(t); s.FirstSeq != 1 || s.Bytes > streamBytes {
		t.Errorf("the stream holds %d bytes from sequence %d on, expected at most %d from 1", s.Bytes, s.FirstSeq, streamBytes)
	}
	for metric, most := range map[string]float64{
		"lagermeister_publisher_in_flight_bytes": 4 << 20,
		"lagermeister_subscriber_held_bytes":     33 << 20,
	} {
		if n := r.metric(t, metric); n > most {
			t.Errorf("%s is %v, expected at most %v", metric, n, most)
		}
	}

	far.Heal()
	close(answering)
	eventually(t, "HTTP takes records again", func() bool {
		return r.post(t, http.DefaultClient, frame(next, size)) == http.StatusOK
	})
	next++
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	far.Await(t, next)
	holds(t, far, next)
	eventually(t, "settled blocks are trimmed down to 80 %", func() bool {
		s := r.state(t)
		if first := s.FirstSeq; first > r.floor(t)+1 {
			t.Fatalf("the stream begins at %d, though the group has settled only up to %d", first, r.floor(t))
		}
		return s.FirstSeq > 1 && s.Bytes <= streamBytes/100*80
	})
}
