package bulk_test

import (
	"strings"
	"testing"

	"lagermeister/sink"
	"lagermeister/sink/bulk"
	"lagermeister/sink/sinktest"
)

const (
	conflictType   = "document_parsing_exception"
	conflictReason = "[1:2] failed to parse field [heka.n] of type [long] in document with id 'x'. Preview of field's value: 'x'"
)

// mixed are documents whose second and fourth have text where the index has a
// number.
func mixed() []sink.Record {
	records := batch(5)
	for i, doc := range []string{`{"heka.n":1}`, `{"heka.n":"x","message":"m"}`, `{"heka.n":2}`, `{"heka.n":"y"}`, `{"bad":1}`} {
		records[i].Doc = []byte(doc)
	}
	return records
}

// strict refuses as an engine does whose heka.n is a number, and what is bad
// for another reason.
func strict(r sinktest.Record) *sinktest.Item {
	switch {
	case strings.Contains(r.Doc, `"heka.n":"`):
		return &sinktest.Item{Status: 400, Type: conflictType, Reason: conflictReason}
	case strings.Contains(r.Doc, `"bad"`):
		return &sinktest.Item{Status: 400, Type: conflictType, Reason: "just so"}
	}
	return nil
}

func TestAConflictIsRepairedInTheSameAttempt(t *testing.T) {
	t.Parallel()
	far := sinktest.New(t)
	far.Fail(sinktest.RefuseItems(strict))
	s := open(t, bulk.Config{RemoteURL: []string{far.URL}, Repair: true, KeepFrames: true})
	records := mixed()
	results, err := send(s, records)
	want := []sink.Outcome{sink.Delivered, sink.Repaired, sink.Delivered, sink.Repaired, sink.Refused}
	for i, r := range results {
		if r.Outcome != want[i] {
			t.Errorf("record %d: %+v, want %v", i, r, want[i])
		}
	}
	if err != nil || results[4].Reason != "just so" {
		t.Errorf("got %v, %+v", err, results[4])
	}
	e, _ := far.Entry(string(records[1].ID))
	if e.Doc != `{"unmapped.heka.n":"x","message":"m","lm.repaired":true}` || e.Index != string(records[1].Index) || string(e.Frame) != string(records[1].Frame) {
		t.Errorf("the far end has %+v", e)
	}
	if len(far.Requests()) != 2 || far.Len() != 4 {
		t.Errorf("%d requests, %d records", len(far.Requests()), far.Len())
	}
	if string(records[1].Doc) != `{"heka.n":"x","message":"m"}` {
		t.Errorf("the subscriber's document was changed: %s", records[1].Doc)
	}

	results, err = send(s, records) // after a lost answer, say
	want = []sink.Outcome{sink.Already, sink.Already, sink.Already, sink.Already, sink.Refused}
	for i, r := range results {
		if err != nil || r.Outcome != want[i] {
			t.Errorf("again, record %d: %v, %+v, want %v", i, err, r, want[i])
		}
	}
}

func TestWithoutRepairAConflictIsRefused(t *testing.T) {
	t.Parallel()
	far := sinktest.New(t)
	far.Fail(sinktest.RefuseItems(strict))
	s := open(t, bulk.Config{RemoteURL: []string{far.URL}})
	results, err := send(s, mixed())
	if err != nil || count(results, sink.Refused) != 3 || len(far.Requests()) != 1 {
		t.Errorf("got %v, %+v in %d requests", err, results, len(far.Requests()))
	}
}

// What becomes of records in conflict when their second request fails: nothing
// is final that the far end has not said, and neighbours stay delivered.
func TestTheSecondRequestMayFail(t *testing.T) {
	t.Parallel()
	again := sinktest.Item{Status: 429, Type: "es_rejected_execution_exception", Reason: "queue full"}
	for name, c := range map[string]struct {
		second sinktest.Fault
		want   sink.Outcome
		class  sink.Class
		status int
		fails  bool
	}{
		"refused again": {sinktest.RefuseItems(func(sinktest.Record) *sinktest.Item {
			return &sinktest.Item{Status: 400, Type: conflictType, Reason: "another field"}
		}), sink.Refused, 0, 0, false},
		"refused as a whole": {sinktest.Status(400), sink.Retry, sink.Split, 400, true},
		"there already": {sinktest.RefuseItems(func(sinktest.Record) *sinktest.Item {
			return &sinktest.Item{Status: 409}
		}), sink.Already, 0, 0, false},
		"busy":         {sinktest.RefuseItems(func(sinktest.Record) *sinktest.Item { return &again }), sink.Retry, sink.Again, 429, true},
		"unavailable":  {sinktest.Status(503), sink.Retry, sink.Again, 503, true},
		"reset":        {sinktest.Reset(), sink.Retry, sink.Again, 0, true},
		"lost answer":  {sinktest.LostAnswer(), sink.Retry, sink.Again, 0, true},
		"half":         {sinktest.HalfAnswer(), sink.Retry, sink.Again, 0, true},
		"invalid JSON": {sinktest.InvalidJSON(), sink.Retry, sink.Again, 0, true},
		"miscounted":   {sinktest.WrongCount(1), sink.Retry, sink.Again, 0, true},
		"forbidden":    {sinktest.Status(403), sink.Retry, sink.Pause, 403, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			far := sinktest.New(t)
			first := sinktest.RefuseItems(strict)
			far.Fail(func(a *sinktest.Attempt) {
				if strings.Contains(a.Records[0].Doc, "unmapped") {
					c.second(a)
				} else {
					first(a)
				}
			})
			s := open(t, bulk.Config{RemoteURL: []string{far.URL}, Repair: true})
			results, err := send(s, mixed())
			if c.fails != (err != nil) || c.fails && (err.Class != c.class || err.Status != c.status || !strings.Contains(err.Error(), "_bulk, 2 records")) {
				t.Errorf("got %v (%+v)", err, err)
			}
			for _, i := range []int{1, 3} {
				if results[i].Outcome != c.want {
					t.Errorf("record %d: %+v, want %v", i, results[i], c.want)
				}
			}
			if c.want == sink.Refused && results[1].Reason != conflictReason {
				t.Errorf("the dead letter would say %q, want the first refusal", results[1].Reason)
			}
			if results[0].Outcome != sink.Delivered || results[2].Outcome != sink.Delivered || results[4].Outcome != sink.Refused {
				t.Errorf("neighbours: %+v", results)
			}
			far.Fail(first)
			results, err = send(s, mixed())
			if err != nil || count(results, sink.Refused) != 1 || far.Len() != 4 {
				t.Errorf("afterwards: %v, %+v, %d records", err, results, far.Len())
			}
		})
	}
}

func TestALoneRecordRefusedTwiceAsAWholeIsRefused(t *testing.T) {
	t.Parallel()
	far := sinktest.New(t)
	far.Fail(func(a *sinktest.Attempt) {
		if strings.Contains(a.Records[0].Doc, "unmapped") {
			sinktest.Status(413)(a)
		} else {
			sinktest.RefuseItems(strict)(a)
		}
	})
	s := open(t, bulk.Config{RemoteURL: []string{far.URL}, Repair: true})
	results, err := send(s, mixed()[1:2])
	if err != nil || results[0].Outcome != sink.Refused || results[0].Reason != conflictReason {
		t.Errorf("got %v, %+v", err, results)
	}
}

// A neighbour that has to be sent again does not keep the others from their
// repair, and what stops the sink wins over what is to be repeated.
func TestARepairBesideUnansweredNeighbours(t *testing.T) {
	t.Parallel()
	far := sinktest.New(t)
	far.Fail(sinktest.RefuseItems(func(r sinktest.Record) *sinktest.Item {
		if r.Doc == `{"heka.n":1}` {
			return &sinktest.Item{Status: 403, Type: "cluster_block_exception", Reason: "index read-only"}
		}
		return strict(r)
	}))
	s := open(t, bulk.Config{RemoteURL: []string{far.URL}, Repair: true})
	results, err := send(s, mixed())
	if err == nil || err.Class != sink.Pause || err.Type != "cluster_block_exception" || results[0].Outcome != sink.Retry ||
		results[1].Outcome != sink.Repaired || results[3].Outcome != sink.Repaired {
		t.Errorf("got %v, %+v", err, results)
	}
}
