package count

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"lagermeister/bench/record"
)

func TestTallyTellsOnceFromTwiceFromDamaged(t *testing.T) {
	t.Parallel()
	tally := NewTally(1, true)
	now := time.Unix(100, 0)
	mark := func(run uint32, conn uint16, seq uint32) record.Mark {
		return record.Mark{Run: run, Conn: conn, Seq: seq, Nanos: now.Add(-time.Second).UnixNano(), Intact: true}
	}
	tally.Add([]record.Mark{mark(1, 0, 0), mark(1, 0, 1_000_000), mark(1, 9, 0), mark(1, 0, 0), mark(2, 0, 5), {}}, now)
	if got, want := tally.Count(), (Count{Unique: 3, Doubled: 1, Damaged: 1, Foreign: 1, First: now, Last: now}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if l := tally.Latencies(); len(l) != 3 || l[0] != time.Second {
		t.Errorf("latencies %v", l)
	}
}

func TestPercentileIsAValueThatWasMeasured(t *testing.T) {
	t.Parallel()
	var sorted []time.Duration
	for i := range 200 {
		sorted = append(sorted, time.Duration(i+1))
	}
	for p, want := range map[float64]time.Duration{0: 1, 0.5: 100, 0.99: 198, 0.999: 200, 1: 200} {
		if got := Percentile(sorted, p); got != want {
			t.Errorf("%v: %d, want %d", p, got, want)
		}
	}
	if Percentile(nil, 0.5) != 0 {
		t.Error("a percentile of nothing")
	}
}

func TestSinkAnswersBulkRequestsItemByItem(t *testing.T) {
	t.Parallel()
	sink, err := NewSink()
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	tally := NewTally(3, false)
	sink.Expect(tally)

	template, err := record.Line(3, 300)
	if err != nil {
		t.Fatal(err)
	}
	var body bytes.Buffer
	for i, action := range []string{`{"create":{"_index":"i","_id":"one"}}`, `{"index":{"_index": "i"}}`} {
		line := template.Repeat(1)
		template.Stamp(line, 0, uint32(i), 1)
		body.WriteString(action + "\n" + `{"message":"` + strings.TrimSpace(string(line)) + "\"}\n")
	}
	answer, err := http.Post("http://"+sink.Addr()+"/_bulk", "application/x-ndjson", &body)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	got, _ := io.ReadAll(answer.Body)
	const want = `{"took":1,"errors":false,"items":[` +
		`{"create":{"_index":"bench","_id":"one","_version":1,"result":"created","status":201}},` +
		`{"index":{"_index":"bench","_id":"","_version":1,"result":"created","status":201}}]}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if c := tally.Count(); c.Unique != 2 || c.Doubled+c.Damaged+c.Foreign != 0 {
		t.Errorf("%+v", c)
	}
}
