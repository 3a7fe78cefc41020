package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/internal/pipeline"
	"lagermeister/sink/sinktest"
	"lagermeister/stream"
)

// to sends the records to a sink of the test.
func to(far *sinktest.Server) func(*pipeline.Settings) {
	return func(s *pipeline.Settings) { s.Bulk.RemoteURL = []string{far.URL} }
}

// holds checks that the sink has the numbers 0 to n-1, each once.
func holds(t *testing.T, far *sinktest.Server, n int) {
	t.Helper()
	seen := make([]int, n)
	for _, entry := range far.Ledger() {
		if i := number(t, entry.Doc); i < n {
			seen[i]++
		} else {
			t.Errorf("the sink has number %d, which was not sent", i)
		}
	}
	for i, times := range seen {
		if times != 1 {
			t.Errorf("the sink has number %d %d times", i, times)
		}
	}
}

func TestWhatASinkFailsToTakeArrivesWhenItDoes(t *testing.T) {
	t.Parallel()
	const records = 5000
	far := sinktest.New(t)
	r := start(t, to(far))
	down := sinktest.Status(http.StatusInternalServerError)
	far.Fail(down) // until it was seen
	var frames []byte
	for n := range records {
		frames = append(frames, frame(n, 300)...)
	}
	r.send(t, frames, 1460)
	eventually(t, "/ready says how it goes, and that the relay may have work", func() bool {
		status, text := r.ready(t)
		return status == http.StatusOK && strings.Contains(text, "posts are in flight") &&
			strings.Contains(text, "wait to be sent again") && strings.Contains(text, "status 500")
	})
	more := time.Second
	if *long {
		more = 10 * time.Second
	}
	far.FailFor(more, down)
	far.Await(t, records)
	holds(t, far, records)
	if n := r.metric(t, "lagermeister_subscriber_retries_total"); n == 0 {
		t.Error("the sink was never asked again")
	}
	eventually(t, "everything settled", func() bool { return r.floor(t) == r.state(t).LastSeq })
}

// One record in each block is the worst case: a batch is made of hundreds of
// blocks, each of which has to be settled and acknowledged by itself. The timer
// is long for any machine, so that a batch that waits for it shows; only the last
// one may, since more could come.
func TestBlocksOfOneRecordDrainAtFullSpeed(t *testing.T) {
	t.Parallel()
	const records, batch, timer = 5_000, 250, 30 * time.Second
	far := sinktest.New(t)
	r := start(t, to(far), func(s *pipeline.Settings) { s.Subscriber.BatchSize, s.Subscriber.BatchTimeout = batch, timer })
	open := make(chan struct{})
	far.Fail(func(a *sinktest.Attempt) { <-open; a.Answer(a.Take(nil)) })
	for n := range records {
		header := nats.Header{stream.HeaderMsgID: {fmt.Sprintf("test-%d", n)}, stream.HeaderRecords: {"1"}}
		msg := nats.Msg{Subject: subject, Header: header, Data: frame(n, 300)}
		if _, err := r.js.PublishMsgAsync(&msg, jetstream.WithStallWait(5*patience)); err != nil {
			t.Fatal(err)
		}
	}
	<-r.js.PublishAsyncComplete()
	if state := r.state(t); state.LastSeq != records {
		t.Fatalf("the stream holds %d messages, expected %d", state.LastSeq, records)
	}

	close(open)
	began := time.Now()
	far.Await(t, records-batch)
	took := time.Since(began)
	t.Logf("%d blocks drained in %v", records-batch, took)
	if took > timer {
		t.Errorf("draining %d blocks took %v, longer than a batch waits", records-batch, took)
	}
	far.Await(t, records)
	holds(t, far, records)
	eventually(t, "everything settled", func() bool { return r.floor(t) == records })
}
