package elastic

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"

	"lagermeister/sink"
)

func TestTemplateIsTakenAndShapesNewIndices(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		settle(t, e.sink(t, plain), e.records(
			`{"@timestamp":"2026-03-01T12:00:00.123456789Z","message":"m","host":{"name":"h"},"heka":{"s":"2026-03-01","d":1.5,"n":3,"b":true},"lm":{"position":"1.0","clock_skew":true}}`))
		for _, entry := range e.log.AllEntries() {
			if entry.Level <= logrus.WarnLevel {
				t.Errorf("warned: %s: %v", entry.Message, entry.Data)
			}
		}
		var answer map[string]struct {
			Mappings struct{ Properties json.RawMessage }
		}
		e.call(t, "GET", "/"+e.index+"/_mapping", "", &answer)
		var compact bytes.Buffer
		json.Compact(&compact, answer[e.index].Mappings.Properties)
		for _, want := range []string{
			`"@timestamp":{"type":"date_nanos","ignore_malformed":true}`,
			`"message":{"type":"text"}`,
			`"s":{"type":"keyword","ignore_above":8191}`,
			`"d":{"type":"double"}`,
			`"n":{"type":"long"}`,
			`"b":{"type":"boolean"}`,
			`"position":{"type":"keyword"}`,
			`"clock_skew":{"type":"boolean"}`,
			`"name":{"type":"keyword","ignore_above":8191}`,
		} {
			if !strings.Contains(compact.String(), want) {
				t.Errorf("mapping lacks %s: %s", want, compact.String())
			}
		}
		if n := e.count(t, `{"range":{"@timestamp":{"gt":"2026-03-01T12:00:00.123456788Z","lt":"2026-03-01T12:00:00.123456790Z"}}}`); n != 1 {
			t.Errorf("%d records found by their nanoseconds, want 1", n)
		}
	})
}

// trickyDocs are documents as the encoders may write them at their worst. All
// must be taken.
func trickyDocs() []string {
	docs := []string{
		`{}`,
		`{"message":""}`,
		`{"message":"\u0000\u0001\u001f\u007f\u2028 \"\\\/ 😀 \ufffd"}`,
		`{"message":"` + strings.Repeat("x", 65536) + `"}`,
		`{"heka":{"long":"` + strings.Repeat("ü", 32768) + `"}}`,
		`{"heka":{"long":"` + strings.Repeat("😀", 8191) + `"}}`,
		`{"host":{"name":"` + strings.Repeat("h", 65536) + `"}}`,
		`{"@timestamp":"1969-12-31T23:59:59.999999999Z"}`,
		`{"@timestamp":"1677-09-21T00:12:43.145224192Z"}`,
		`{"@timestamp":"2262-04-11T23:47:16.854775807Z"}`,
		`{"@timestamp":"1970-01-01T00:00:00.000000000Z"}`,
		fmt.Sprintf(`{"heka":{"int":[%d,%d,0]}}`, math.MinInt64, math.MaxInt64),
		`{"heka":{"double":[1.7976931348623157e308,5e-324,-0.0,null,1.0]}}`,
		`{"heka":{"null":null,"nulls":[null,null]}}`,
		`{"heka":{"date":"2026-03-01"}}`,
		`{"heka":{"date":"not a date at all"}}`,
		`{"heka":{"ip":"10.0.0.1"}}`,
		`{"heka":{"bytes":"AAECAw=="}}`,
		`{"heka":{"a.dotted.name":"x","_":"empty","white space":"y","ünï":"z","$%&/()=?*":"w"}}`,
		`{"heka":{"name with \"quotes\" and \\ and \u0000":1}}`,
		`{"process":{"pid":-2147483648},"log":{"syslog":{"severity":{"code":2147483647}}}}`,
		`{"event":{"id":"not-a-uuid","dataset":""},"service":{"version":"0"}}`,
		`{"` + strings.Repeat("k", 200) + `":"long key"}`,
	}
	return docs
}

func TestTrickyDocumentsAreTakenOnce(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		s := e.sink(t, packed)
		docs := trickyDocs()
		for i, r := range settle(t, s, e.records(docs...)) {
			if r.Outcome != sink.Delivered {
				t.Errorf("%.100s: %+v", docs[i], r)
			}
		}
		for i, r := range settle(t, s, e.records(docs...)) {
			if r.Outcome != sink.Already {
				t.Errorf("again: %.100s: %+v", docs[i], r)
			}
		}
		if n := e.count(t, everything); n != len(docs) {
			t.Errorf("%d documents, want %d", n, len(docs))
		}
	})
}

func TestADocumentComesBackAsItWasSent(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		doc := `{"@timestamp":"1960-01-01T00:00:00.000000001Z","message":"ä\u0000\"","heka":{"n":9223372036854775807,"d":0.1,"list":[1,2]}}`
		settle(t, e.sink(t, plain), e.records(doc))
		var answer struct {
			Source json.RawMessage `json:"_source"`
		}
		e.call(t, "GET", fmt.Sprintf("/%s/_doc/%044x", e.index, 0), "", &answer)
		if string(answer.Source) != doc {
			t.Errorf("got  %s\nwant %s", answer.Source, doc)
		}
	})
}

func TestOneBadDocumentDoesNotHarmItsNeighbours(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		s := e.sink(t, plain)
		settle(t, s, e.records(`{"heka":{"n":1,"o":{"p":1}}}`))
		batch := e.records(
			`{"repeat":0}`,
			`{"heka":{"n":2}}`,
			`{"heka":{"n":"not a number"}}`, // mapping conflict
			`{"heka":{"o":"no object"}}`,    // the same, of shape
			`{"heka":`,                      // no JSON
			`{"heka":{"n":3}}`,
		)
		results := settle(t, s, batch)
		want := []sink.Outcome{sink.Already, sink.Delivered, sink.Refused, sink.Refused, sink.Refused, sink.Delivered}
		for i, r := range results {
			if r.Outcome != want[i] {
				t.Errorf("%s: %+v, want %v", batch[i].Doc, r, want[i])
			}
			if r.Outcome == sink.Refused && (r.Status != 400 || r.Type == "" || r.Reason == "") {
				t.Errorf("%s: the refusal says too little: %+v", batch[i].Doc, r)
			}
		}
		if !strings.Contains(results[2].Reason, "heka.n") {
			t.Errorf("the reason does not name the field: %s", results[2].Reason)
		}
	})
}

func TestMoreFieldsThanTheLimit(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		var doc strings.Builder
		doc.WriteString(`{"message":"many","heka":{"f0":0`)
		for i := range 2500 {
			fmt.Fprintf(&doc, `,"f%d":%d`, i+1, i)
		}
		doc.WriteString(`}}`)
		results := settle(t, e.sink(t, plain), e.records(doc.String(), `{"message":"few"}`))
		want := sink.Refused
		if strings.HasPrefix(e.name, "ELASTIC") {
			want = sink.Delivered // without the surplus fields being indexed
		}
		if results[0].Outcome != want || results[1].Outcome != sink.Delivered {
			t.Errorf("got %+v, want %v and delivered", results, want)
		}
	})
}

func TestAReadOnlyIndexPausesTheSink(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		s := e.sink(t, plain)
		docs := []string{`{"message":"one"}`, `{"message":"two"}`}
		settle(t, s, e.records(docs[0]))
		for _, block := range []string{"write", "read_only", "read_only_allow_delete"} { // the last one is what a full disk brings
			e.call(t, "PUT", "/"+e.index+"/_settings", `{"index.blocks.`+block+`":true}`, nil)
			results, err := send(t, s, e.records(docs...))
			if err == nil || err.Class != sink.Pause || err.Type != "cluster_block_exception" || results[1].Outcome != sink.Retry {
				t.Errorf("%s: got %v, %+v", block, err, results)
			}
			e.call(t, "PUT", "/"+e.index+"/_settings", `{"index.blocks.`+block+`":null}`, nil)
		}
		if results := settle(t, s, e.records(docs...)); results[0].Outcome != sink.Already || results[1].Outcome != sink.Delivered {
			t.Errorf("afterwards: %+v", results)
		}
	})
}

func TestAnIndexThatMayNotBeCreatedPausesTheSink(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		set := func(value string) {
			e.call(t, "PUT", "/_cluster/settings", `{"persistent":{"action.auto_create_index":`+value+`}}`, nil)
		}
		set(`"-` + e.index + `,+*"`)
		t.Cleanup(func() { set("null") })
		s := e.sink(t, plain)
		if results, err := send(t, s, e.records(`{}`)); err == nil || err.Class != sink.Pause || !strings.Contains(err.Type, "index_not_found") {
			t.Errorf("got %v, %+v", err, results)
		}
		set("null")
		settle(t, s, e.records(`{}`))
	})
}

func TestABatchBeyondTheEnginesLimitIsHalved(t *testing.T) {
	each(t, func(t *testing.T, e *engine) { // .ci/elastic sets the limit to 8 MB
		s := e.sink(t, plain)
		big := `{"message":"` + strings.Repeat("word ", 1<<20) + `"}`
		results, err := send(t, s, e.records(big, big))
		if err == nil || err.Class != sink.Split || err.Status != 413 || results[0].Outcome != sink.Retry {
			t.Fatalf("two: got %v, %+v", err, results)
		}
		results, err = send(t, s, e.records(`{"message":"`+strings.Repeat("word ", 2<<20)+`"}`))
		if err != nil || results[0].Outcome != sink.Refused || results[0].Status != 413 {
			t.Errorf("one: got %v, %+v", err, results)
		}
	})
}

func TestAWrongPathPausesTheSink(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		wrong := *e
		wrong.url += "/not/here"
		s := wrong.sink(t, plain)
		if results, err := send(t, s, e.records(`{}`)); err == nil || err.Class != sink.Pause {
			t.Errorf("got %v, %+v", err, results)
		}
	})
}

func TestProbeOfAWellEngine(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		if err := e.sink(t, plain).Probe(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestAThousandRecordsABatch(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		s := e.sink(t, packed)
		docs := make([]string, 1000)
		for i := range docs {
			docs[i] = fmt.Sprintf(`{"@timestamp":"2026-03-01T12:00:00.%09dZ","message":"record %d"}`, i, i)
		}
		for range 2 {
			settle(t, s, e.records(docs...))
		}
		if n := e.count(t, everything); n != 1000 {
			t.Errorf("%d documents, want 1000", n)
		}
	})
}
