package bulk

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"lagermeister/bench/sample"
	"lagermeister/heka"
	"lagermeister/heka/encode"
	"lagermeister/sink"
	"lagermeister/sink/httpclient"
)

func ids(list ...string) []sink.Record {
	batch := make([]sink.Record, len(list))
	for i := range list {
		batch[i].ID = []byte(list[i])
	}
	return batch
}

func TestAnswersOfRealEnginesAreRead(t *testing.T) {
	t.Parallel()
	body := `{"errors":true,"took":0,"ingest_took":1,"items":[
	 {"create":{"_index":"x","_id":"a","_version":1,"result":"created","_shards":{"total":2,"successful":1,"failed":0},"_seq_no":0,"_primary_term":1,"status":201}},
	 {"create":{"_index":"x","_id":"b","status":400,"error":{"type":"document_parsing_exception","reason":"[1:6] failed to parse field [heka.n] of type [long] in document with id 'b'. Preview of field's value: 'x\"y'","caused_by":{"type":"illegal_argument_exception","reason":"For input string: \"x\u0000\""}}}},
	 {"create":{"_index":"x","_id":"c","status":409,"error":{"type":"version_conflict_engine_exception","reason":"[c]: version conflict","index_uuid":"u","shard":"0","index":"x"}}},
	 {"create":{"_index":"x","_id":"d","status":201,"failure_store":"used"}},
	 {"create":{"_index":"x","_id":"e","status":201,"failure_store":"not_enabled"}},
	 {"create":{"_index":"x","_id":"f","_version":-3,"result":"noop","status":200}},
	 {"create":{"_index":"x","_id":"g","status":201,"error":"no, after all"}}
	]}`
	results := make([]sink.Result, 7)
	a, err := parse([]byte(body), ids("a", "b", "c", "d", "e", "f", "g"), results)
	if err != nil {
		t.Fatal(err)
	}
	want := []sink.Outcome{sink.Delivered, sink.Refused, sink.Already, sink.Refused, sink.Delivered, sink.Delivered, sink.Retry}
	for i, r := range results {
		if r.Outcome != want[i] {
			t.Errorf("item %d: %+v, want %v", i, r, want[i])
		}
	}
	if got := results[1].Reason; !strings.HasPrefix(got, "[1:6] failed to parse field [heka.n]") || !strings.HasSuffix(got, `'x"y': For input string: "x "`) {
		t.Errorf("reason is %s", got)
	}
	if results[3].Type != "failure_store" || results[3].Reason == "" {
		t.Errorf("failure store: %+v", results[3])
	}
	if worst := a.worst; worst == nil || worst.Class != sink.Again || worst.Reason != "no, after all" {
		t.Errorf("worst is %+v", a.worst)
	}
}

func TestAnAnswerThatDoesNotFitIsNotBelieved(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		``:                                      "ends at byte 0",
		`{}`:                                    "no items",
		`[]`:                                    "expected '{'",
		`{"items":null}`:                        "expected '['",
		`{"items":[]}`:                          "0 items for the 1 records",
		`{"items":[{}]}`:                        "without one action",
		`{"items":[{"create":{}}]}`:             "without one action and its id",
		`{"items":[{"create":null}]}`:           "expected '{'",
		`{"items":[{"create":{"_id":"a"}}]}`:    "no status",
		`{"items":[{"create":{"status":201}}]}`: "its id",
		`{"items":[{"create":{"_id":"b","status":201}}]}`:                                          `item for "b" where "a" was sent`,
		`{"items":[{"create":{"_id":"\u0061","status":201}}]}`:                                     "where \"a\" was sent",
		`{"items":[{"create":{"_id":"a","status":201.0}}]}`:                                        "whole number",
		`{"items":[{"create":{"_id":"a","status":-201}}]}`:                                         "whole number",
		`{"items":[{"create":{"_id":"a","status":99999999999}}]}`:                                  "whole number",
		`{"items":[{"create":{"_id":"a","status":"201"}}]}`:                                        "expected a digit",
		`{"items":[{"create":{"_id":"a","status":201},"index":{"_id":"a","status":201}}]}`:         "without one action",
		`{"items":[{"create":{"_id":"a","status":201}}]`:                                           "JSON ends",
		`{"items":[{"create":{"_id":"a","status":201}}]} x`:                                        "expected the end",
		`{"items":[{"create":{"_id":"a","status":201}}],}`:                                         "expected '\"'",
		`{"items":[{"create":{"_id":"a","status":201}},]}`:                                         "more items than",
		`{"items":[{"create":{"_id":"a","status":201}}],"items":[]}`:                               "items twice",
		`{"items":[{"create":{"_id":"a","status":201}}],"took":01}`:                                "expected ',' or '}'",
		`{"items":[{"create":{"_id":"a","status":201}}],"took":nul}`:                               "expected null",
		`{"items":[{"create":{"_id":"a","status":201}}],"x":"` + "\n" + `"}`:                       "control character",
		`{"items":[{"create":{"_id":"a","status":201}}],"x":"\q"}`:                                 "an escape",
		`{"items":[{"create":{"_id":"a","status":201}}],"x":"\u00g0"}`:                             "a hex digit",
		`{"items":[{"create":{"_id":"a","status":201}}],"x":` + strings.Repeat("[", 1000000) + `}`: "nested deeper",
	} {
		if a, err := parse([]byte(body), ids("a"), make([]sink.Result, 1)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: got %v, %v, want %s", body, a, err, want)
		}
	}
}

func TestWordsOfTheFarEndAreBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("wide ", 100000)
	body := `{"items":[{"create":{"_id":"a","status":400,"error":{"type":"` + long + `","reason":"` + long + `"}}}]}`
	results := make([]sink.Result, 1)
	if _, err := parse([]byte(body), ids("a"), results); err != nil {
		t.Fatal(err)
	}
	if r := results[0]; len(r.Type) > sink.MaxWords || len(r.Reason) > sink.MaxWords || r.Outcome != sink.Refused {
		t.Errorf("type of %d bytes, reason of %d, %v", len(r.Type), len(r.Reason), r.Outcome)
	}
}

// What parse believes is JSON, and says the same to encoding/json.
func FuzzParse(f *testing.F) {
	f.Add([]byte(answer(3)))
	f.Add([]byte(filtered(3)))
	f.Add([]byte(`{"took":1,"errors":true,"items":[{"create":{"_id":"0","status":400,"error":{"type":"t","reason":"r","caused_by":{"reason":"x"}}}},{"create":{"_id":"1","status":409,"error":"s"}},{"create":{"_id":"2","status":201,"failure_store":"used"}}]}`))
	f.Add([]byte(` {"items" : [ {"create":{"_id":"0","status":201}} , {"a":{"_id":"1","status":200,"x":[1.5e-3,-0,true,null,"é\"",{}]}},{"":{"status":503,"_id":"2"}}]}`))
	batch := ids("0", "1", "2")
	f.Fuzz(func(t *testing.T, body []byte) {
		results := make([]sink.Result, len(batch))
		a, err := parse(body, batch, results)
		if err != nil {
			return
		}
		if !json.Valid(body) {
			t.Fatalf("believed though no JSON: %q", body)
		}
		var doc map[string]json.RawMessage
		if err := json.Unmarshal(body, &doc); err != nil {
			t.Fatal(err)
		}
		var items []map[string]map[string]json.RawMessage
		if err := json.Unmarshal(doc["items"], &items); err != nil || len(items) != len(batch) {
			t.Fatalf("%q: %d items, %v", body, len(items), err)
		}
		for i, it := range items {
			for _, action := range it {
				var id string
				var status int
				json.Unmarshal(action["_id"], &id)
				json.Unmarshal(action["status"], &status)
				r := results[i]
				if id != string(batch[i].ID) || status != r.Status {
					t.Fatalf("%q: item %d is %s, %d, read as %+v", body, i, id, status, r)
				}
				if r.Outcome == sink.Delivered && status/100 != 2 || r.Outcome == sink.Already && status != 409 {
					t.Fatalf("%q: item %d with status %d is %v", body, i, status, r.Outcome)
				}
				if r.Outcome == sink.Retry && a.worst == nil {
					t.Fatalf("%q: item %d is left and no error says so", body, i)
				}
			}
		}
	})
}

// answer is what an engine says to n records whose ids are their numbers.
func answer(n int) string {
	var b strings.Builder
	b.WriteString(`{"took":30,"errors":false,"items":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"create":{"_index":"lagermeister-2026.03.01","_id":"%d","_version":1,"result":"created","_shards":{"total":2,"successful":1,"failed":0},"_seq_no":%d,"_primary_term":1,"status":201}}`, i, i)
	}
	b.WriteString("]}")
	return b.String()
}

// filtered is the same from one that knows filter_path.
func filtered(n int) string {
	item := func(i int) string { return fmt.Sprintf(`{"create":{"_id":"%d","status":201}}`, i) }
	list := make([]string, n)
	for i := range list {
		list[i] = item(i)
	}
	return `{"items":[` + strings.Join(list, ",") + `]}`
}

// What the answer says of one item must not be taken for what it says of the next.
func TestAnItemLikeTheOneBeforeIsReadToTheLastByte(t *testing.T) {
	t.Parallel()
	good := filtered(4)
	for _, c := range []struct{ old, new string }{
		{`{"create":{"_id":"2","status":201}}`, `{"create":{"_id":"2","status":503}}`},
		{`{"create":{"_id":"2","status":201}}`, `{"create":{"_id":"1","status":201}}`},
		{`{"create":{"_id":"2","status":201}}`, `{"create":{"_id":"22","status":201}}`},
		{`{"create":{"_id":"2","status":201}}`, `{"create":{"_id":"2","status":201,"error":"x"}}`},
		{`{"create":{"_id":"2","status":201}}`, `{"create":{"_id":"2","status":2011}}`},
		{`{"create":{"_id":"2","status":201}}`, `{"create":{"_id":"2","status":201}]`},
		{`{"create":{"_id":"2","status":201}},`, `{"create":{"_id":"2","status":201}}`},
		{`{"create":{"_id":"2","status":201}},`, ``},
		{`{"create":{"_id":"3","status":201}}]}`, `{"create":{"_id":"3","status":201}}`},
		{`{"create":{"_id":"3","status":201}}]}`, `{"create":{"_id":"3","status":20`},
	} {
		body := strings.Replace(good, c.old, c.new, 1)
		results := make([]sink.Result, 4)
		if a, err := parse([]byte(body), ids("0", "1", "2", "3"), results); err == nil && a.worst == nil {
			t.Errorf("%s: believed", body)
		}
	}
	results := make([]sink.Result, 4)
	if a, err := parse([]byte(good), ids("0", "1", "2", "3"), results); err != nil || a.worst != nil || results[3].Outcome != sink.Delivered {
		t.Errorf("%s: %v, %v, %+v", good, err, a.worst, results[3])
	}
}

func BenchmarkParse1000(b *testing.B) {
	batch := make([]sink.Record, 1000)
	for i := range batch {
		batch[i].ID = fmt.Append(nil, i)
	}
	for name, body := range map[string][]byte{"whole": []byte(answer(1000)), "filtered": []byte(filtered(1000))} {
		b.Run(name, func(b *testing.B) {
			results := make([]sink.Result, len(batch))
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if a, err := parse(body, batch, results); a.worst != nil || err != nil {
					b.Fatal(a, err)
				}
			}
			b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

func BenchmarkBuild1000(b *testing.B) {
	const records = 1000
	for _, size := range []int{300, 3000} {
		batch := documents(b, records, size)
		for _, c := range []struct {
			name        string
			keep, lined bool
		}{{"plain", false, false}, {"lines", false, true}, {"frames", true, false}} {
			b.Run(fmt.Sprintf("%dB/%s", size, c.name), func(b *testing.B) {
				s, err := New(Config{
					RemoteURL: []string{"http://localhost"}, KeepFrames: c.keep, Config: httpclient.Config{Timeout: time.Second},
				}, logrus.New(), prometheus.NewRegistry())
				if err != nil {
					b.Fatal(err)
				}
				batch := slices.Clone(batch)
				lines := make([]byte, 0, records*2*size+1<<18)
				for i := range batch {
					if start := len(lines); c.lined {
						lines = append(append(s.AppendHead(lines, &batch[i]), batch[i].Doc...), '\n')
						batch[i].Line = lines[start:]
					}
				}
				b.ReportAllocs()
				for b.Loop() {
					body := s.client.NewBody()
					s.fill(body, batch)
					b.SetBytes(int64(body.Len()))
					body.Release()
				}
				b.ReportMetric(records*float64(b.N)/b.Elapsed().Seconds(), "records/s")
			})
		}
	}
}

// documents are n records of the given size, ready to be sent.
func documents(b *testing.B, n, size int) []sink.Record {
	ecs, err := encode.New("ecs", nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	messages := sample.Messages(n, size)
	batch := make([]sink.Record, n)
	for i := range batch {
		m := &messages[i]
		doc := ecs.Append(nil, &encode.Record{Message: m, Sequence: 1, Index: i})
		batch[i] = sink.Record{ID: fmt.Appendf(nil, "%044x", i), Index: []byte("lagermeister-2026.03.01"), Doc: doc, Frame: heka.AppendFrame(nil, m.Body)}
	}
	return batch
}
