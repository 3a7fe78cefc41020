package subscriber

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lagermeister/sink"
	"lagermeister/sink/bulk"
	"lagermeister/sink/httpclient"
	"lagermeister/sink/httppost"
	"lagermeister/sink/sinktest"
	"lagermeister/stream"
)

// What an answer does to the records of a batch, as "What a sink's answer does"
// in docs/operations.md has it.
const (
	done    = "done"
	already = "already"
	dead    = "dead letter" // of this record; its neighbours are delivered
	halved  = "halved"      // until the one record is found, which is a dead letter
	again   = "again"       // sent again until it is taken
	paused  = "paused"      // until a trial succeeds
)

// table has every answer there is, and what becomes of the records: by an item of
// a bulk answer, by the status of a bulk answer, and by that of any other sink.
var table = []struct {
	status            []int
	errorType         string
	item, batch, post string
}{
	{[]int{200, 201, 202, 203, 206, 226, 299}, "", done, done, done},
	{[]int{204, 205}, "", done, again, done}, // a bulk answer without items says nothing
	{[]int{300, 301, 302, 303, 304, 307, 308}, "", paused, paused, paused},
	{[]int{400, 413, 422}, "", dead, halved, halved},
	{[]int{400}, "document_parsing_exception", dead, halved, halved},
	{[]int{400, 403, 429, 503}, "cluster_block_exception", paused, paused, paused},
	{[]int{400, 404, 500}, "index_not_found_exception", paused, paused, paused},
	{[]int{401, 403, 404, 405, 407, 410}, "", paused, paused, paused},
	{[]int{402, 406, 411, 412, 414, 415, 416, 417, 418, 421, 423, 424, 426, 428, 431, 451, 499}, "", paused, paused, paused},
	{[]int{408, 425, 429, 500, 501, 502, 503, 504, 505, 507, 508, 511, 520, 599}, "", again, again, again},
	{[]int{429}, "es_rejected_execution_exception", again, again, again},
	{[]int{409}, "version_conflict_engine_exception", already, paused, paused},
	{[]int{600, 999}, "", paused, paused, paused},
}

// poison marks the record of a batch that the far end answers differently for.
const poison = "poison"

// bench is a member that delivers over HTTP to a far end which fails on request.
type bench struct {
	*world
	*member
	far *sinktest.Server
}

func newBench(t *testing.T, cfg Config, open func(t *testing.T, url string) sink.Sink) *bench {
	t.Helper()
	w, far := newWorld(t), sinktest.New(t)
	return &bench{w, w.join(w.nc, cfg, open(t, far.URL)), far}
}

func toBulk(t *testing.T, url string) sink.Sink {
	return bulkSink(t, bulk.Config{RemoteURL: []string{url}, Config: httpclient.Config{Timeout: time.Minute}})
}

func bulkSink(t *testing.T, conf bulk.Config) sink.Sink {
	conf.Index = "i"
	s, err := bulk.New(conf, quiet(), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func toPost(t *testing.T, url string) sink.Sink {
	return postSink(t, httppost.Config{RemoteURL: []string{url}, Config: httpclient.Config{Timeout: time.Minute}})
}

func postSink(t *testing.T, conf httppost.Config) sink.Sink {
	s, err := httppost.New(conf, quiet(), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// figures are what the member has counted.
type figures struct{ delivered, already, dead, again, split, paused float64 }

func (b *bench) figures() figures {
	all := map[string]float64{}
	families, err := b.reg.(*prometheus.Registry).Gather()
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range families {
		for _, one := range f.GetMetric() {
			for _, label := range one.GetLabel() {
				if label.GetName() != "group" {
					all[strings.TrimPrefix(f.GetName(), "lagermeister_subscriber_")+" "+label.GetValue()] = one.GetCounter().GetValue()
				}
			}
		}
	}
	return figures{
		all["records_total delivered"], all["records_total already"], all["records_total dead"],
		all["retries_total again"], all["retries_total split"], all["pauses_total sink"],
	}
}

// acknowledged waits until all that was stored is settled.
func (b *bench) acknowledged() {
	b.Helper()
	b.until("everything settled", func() bool {
		info := b.consumer()
		return info.AckFloor.Stream >= uint64(b.n) && info.NumAckPending == 0
	})
}

// answer has the far end answer batches that hold a poison record with fault,
// stores one of four, and checks what becomes of it.
func (b *bench) answer(row, want string, single bool, fault sinktest.Fault) {
	b.Helper()
	before := b.figures()
	b.far.Fail(func(a *sinktest.Attempt) {
		for _, r := range a.Records {
			if strings.Contains(r.Doc, poison) {
				fault(a)
				return
			}
		}
		a.Answer(a.Take(nil))
	})
	b.store(row+" a", row+" b", row+" "+poison, row+" c")
	failing := want == again || want == paused
	b.until(row+": "+want, func() bool {
		now := b.figures()
		switch want {
		case again:
			return now.again >= before.again+2
		case paused:
			return now.paused > before.paused && strings.Contains(strings.Join(b.NotReady(), ";"), "sink paused: POST "+b.far.URL)
		}
		return true
	})
	if failing && single { // an item of an answer: the others have had theirs
		if n := b.figures().delivered - before.delivered; n != 3 {
			b.Errorf("%s: %v neighbours of a record in trouble are delivered, want 3", row, n)
		}
	}
	if failing {
		if n := b.figures().dead - before.dead; n != 0 {
			b.Errorf("%s: %v dead letters", row, n)
		}
		b.far.Heal()
	}
	b.acknowledged()

	after := b.figures()
	got := figures{
		after.delivered - before.delivered, after.already - before.already, after.dead - before.dead,
		after.again - before.again, after.split - before.split, after.paused - before.paused,
	}
	expected := figures{delivered: 4, again: got.again, paused: got.paused}
	switch want {
	case done:
		expected = figures{delivered: 4}
	case already:
		expected = figures{delivered: 4, already: 1}
	case dead:
		expected = figures{delivered: 3, dead: 1}
	case halved:
		expected = figures{delivered: 3, dead: 1, split: 2}
	case again:
		expected.paused = 0
	case paused:
		expected.again = 0
	}
	if got != expected {
		b.Errorf("%s, %s: counted %+v, want %+v", row, want, got, expected)
	}
	if reasons := b.NotReady(); len(reasons) > 0 {
		b.Errorf("%s: not ready afterwards: %v", row, reasons)
	}
}

// eachAnswer runs f for each status of the table.
func eachAnswer(f func(row string, i, status int)) {
	for i := range table {
		for _, status := range table[i].status {
			f(strings.TrimSpace(fmt.Sprint(status, " ", table[i].errorType)), i, status)
		}
	}
}

// page answers with a status and, if there is one, an error type.
func page(status int, errorType string) sinktest.Fault {
	if errorType == "" {
		return sinktest.Status(status)
	}
	return sinktest.Page(status, `{"error":{"type":"`+errorType+`","reason":"words"}}`)
}

func TestTheTableOfAnswersForItemsOfABulkAnswer(t *testing.T) {
	t.Parallel()
	b := newBench(t, testConfig(), toBulk)
	eachAnswer(func(row string, i, status int) {
		b.answer(row, table[i].item, true, func(a *sinktest.Attempt) {
			a.Answer(a.Take(func(r sinktest.Record) *sinktest.Item {
				if !strings.Contains(r.Doc, poison) {
					return nil
				}
				return &sinktest.Item{Status: status, Type: table[i].errorType, Reason: "words"}
			}))
		})
	})
	b.checkLetters("bulk")
}

func TestTheTableOfAnswersForWholeBulkAnswers(t *testing.T) {
	t.Parallel()
	b := newBench(t, testConfig(), toBulk)
	eachAnswer(func(row string, i, status int) {
		fault := page(status, table[i].errorType)
		if table[i].batch == done {
			fault = func(a *sinktest.Attempt) { a.Writer.WriteHeader(status); a.Answer(a.Take(nil)) }
		}
		b.answer(row, table[i].batch, false, fault)
	})
	b.checkLetters("bulk")
}

func TestTheTableOfAnswersForWholeBatches(t *testing.T) {
	t.Parallel()
	b := newBench(t, testConfig(), toPost)
	eachAnswer(func(row string, i, status int) {
		fault := page(status, table[i].errorType)
		if table[i].post == done {
			fault = func(a *sinktest.Attempt) { a.Take(nil); a.Writer.WriteHeader(status) }
		}
		b.answer(row, table[i].post, false, fault)
	})
	b.checkLetters("httppost")
}

// checkLetters checks that dead letters are poison records only, with the sink's
// status, and that the far end has every other record once.
func (b *bench) checkLetters(name string) {
	b.Helper()
	letters := b.deadLetters()
	if len(letters) != 4 {
		b.Errorf("%d dead letters, want one for 400, 413, 422 and the parsing exception", len(letters))
	}
	for _, l := range letters {
		if !bytes.Contains(l.Data, []byte(l.Header.Get(stream.HeaderStatus)+" ")) || !bytes.Contains(l.Data, []byte(poison)) || l.Header.Get(stream.HeaderSink) != name {
			b.Errorf("dead letter %q with %v", l.Data, l.Header)
		}
	}
	for id, e := range b.far.Ledger() {
		if e.Taken != 1 {
			b.Errorf("%s was taken %d times", id, e.Taken)
		}
	}
}
