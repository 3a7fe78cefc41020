package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/nats-io/nats.go"

	"lagermeister/internal/pipeline"
	"lagermeister/ledger"
	"lagermeister/sink/sinktest"
	"lagermeister/stream"
)

// balance is what the dashboard's ledger says of the relay's group; ok is false
// until it has something to say.
func (r *relay) balance(t *testing.T) (b ledger.Balance, ok bool) {
	t.Helper()
	resp, err := http.Get("http://" + r.Dashboard.String() + "/api/v2/ledger")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode == http.StatusServiceUnavailable {
		return b, false
	}
	var books ledger.Books
	if err := json.Unmarshal(body, &books); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d, %v: %s", resp.StatusCode, err, body)
	}
	for _, s := range books.Streams {
		for _, g := range s.Groups {
			if s.Stream == streamName && g.Group == "es_subscriber" {
				return g, true
			}
		}
	}
	return b, false
}

// While records are refused, retried, filtered and delivered nothing is ever
// unaccounted for; at rest everything has its outcome.
func TestTheLedgerBalancesWhileRecordsArePendingAndAtRest(t *testing.T) {
	t.Parallel()
	const records = 6000
	far := sinktest.New(t)
	r := start(t, to(far), func(s *pipeline.Settings) { s.Subscriber.MatchSpec = "Payload !~ /^number 7/" })
	far.Fail(sinktest.Status(http.StatusServiceUnavailable)) // until it was seen while records are pending
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; n < records; n += 100 {
			var body []byte
			for i := range 100 {
				body = append(body, frame(n+i, 300)...)
			}
			if status := r.post(t, http.DefaultClient, body); status != http.StatusOK {
				t.Errorf("status %d", status)
			}
		}
	}()
	pending := false
	eventually(t, "all is settled and accounted for", func() bool {
		b, ok := r.balance(t)
		if ok && b.Difference != 0 {
			t.Fatalf("%+v", b)
		}
		if !pending && ok && b.Pending > 0 {
			if b.State != ledger.Balanced {
				t.Fatalf("%+v", b)
			}
			pending = true
			far.Heal()
		}
		return ok && b.State == ledger.Balanced && b.Stored == records && b.Filtered == 111 && b.Delivered == records-111
	})
	<-done
	if n := r.metric(t, "lagermeister_ledger_unaccounted_records"); n != 0 {
		t.Errorf("%v records unaccounted for", n)
	}

	// Somebody settles a block that is not there, and wrongly.
	c, err := r.js.Consumer(t.Context(), streamName, "es_subscriber")
	if err != nil {
		t.Fatal(err)
	}
	m := ledger.Message{Blocks: []ledger.Block{{Sequence: r.state(t).LastSeq + 1, Records: 5, Delivered: 3}}}
	msg := &nats.Msg{Subject: stream.LedgerSubject(streamName, "es_subscriber"), Data: m.Append(nil),
		Header: nats.Header{stream.HeaderEpoch: {fmt.Sprint(c.CachedInfo().Created.UnixNano())}}}
	if _, err := r.js.PublishMsg(t.Context(), msg); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a settlement that does not add up shows", func() bool {
		b, ok := r.balance(t)
		return ok && b.State == ledger.Difference
	})
}

// A stream that is told to drop its oldest records says which were lost by it.
func TestWhatAStreamDropsIsShownAsExpired(t *testing.T) {
	t.Parallel()
	const streamBytes, size = 16 << 20, 8 << 10
	const records = 5 * streamBytes / size // a member holds twice the stream
	far := sinktest.New(t)
	answering := make(chan struct{})
	far.Fail(func(a *sinktest.Attempt) { <-answering; a.Answer(a.Take(nil)) })
	r := start(t, to(far), func(s *pipeline.Settings) {
		s.Stream.StreamMaxBytes, s.Stream.WhenFull = streamBytes, stream.WhenFullExpire
	})
	for n := 0; n < records; n += 64 {
		var body []byte
		for i := range 64 {
			body = append(body, frame(n+i, size)...)
		}
		if status := r.post(t, http.DefaultClient, body); status != http.StatusOK {
			t.Fatalf("status %d", status)
		}
	}
	eventually(t, "the dropped records are shown as expired", func() bool {
		b, ok := r.balance(t)
		return ok && b.Expired > 0 && b.Difference == 0
	})
	far.Heal()
	close(answering)
	var b ledger.Balance
	eventually(t, "the rest is delivered", func() bool {
		var ok bool
		b, ok = r.balance(t)
		return ok && b.Pending == 0
	})
	// Of blocks that were dropped before anybody saw them it knows one record.
	if b.Difference != 0 || b.Stored > records || b.Delivered != uint64(len(far.Ledger())) || b.Expired > records-b.Delivered || b.ExpiredBlocks == 0 {
		t.Errorf("%d of %d records at the sink, and %+v", len(far.Ledger()), records, b)
	}
}
