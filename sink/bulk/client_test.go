package bulk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"lagermeister/sink"
	"lagermeister/sink/bulk"
	"lagermeister/sink/httpclient"
	"lagermeister/sink/sinktest"
)

func batch(n int) []sink.Record {
	list := make([]sink.Record, n)
	for i := range list {
		list[i] = sink.Record{
			ID:    fmt.Appendf(nil, "%044x", i),
			Index: []byte("lagermeister-2026.03.01"),
			Doc:   fmt.Appendf(nil, `{"message":"record %d"}`, i),
			Frame: []byte{0x1E, 0, byte(i), 0x1F},
		}
	}
	return list
}

func open(t testing.TB, conf bulk.Config) *bulk.Sink {
	t.Helper()
	if conf.Timeout == 0 {
		conf.Timeout = time.Minute
	}
	if conf.Index == "" {
		conf.Index = "lagermeister-%{%Y.%m.%d}"
	}
	log := logrus.New()
	log.SetOutput(io.Discard)
	s, err := bulk.New(conf, log, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// send makes one attempt, with results that were used before.
func send(s *bulk.Sink, records []sink.Record) ([]sink.Result, *sink.Error) {
	results := make([]sink.Result, len(records))
	for i := range results {
		results[i] = sink.Result{Outcome: sink.Delivered, Reason: "stale"}
	}
	err := s.Send(context.Background(), records, results)
	if err == nil {
		return results, nil
	}
	return results, err.(*sink.Error)
}

func count(results []sink.Result, o sink.Outcome) (n int) {
	for _, r := range results {
		if r.Outcome == o {
			n++
		}
	}
	return n
}

func TestRecordsAreDeliveredOnceHoweverOftenTheyAreSent(t *testing.T) {
	t.Parallel()
	for _, gzip := range []bool{false, true} {
		far := sinktest.New(t)
		s := open(t, bulk.Config{RemoteURL: []string{far.URL}, Config: httpclient.Config{Gzip: gzip}})
		records := batch(100)
		if results, err := send(s, records); err != nil || count(results, sink.Delivered) != 100 || results[0].Status != 201 || results[0].Reason != "" {
			t.Fatalf("first: %v, %+v", err, results[0])
		}
		if results, err := send(s, records); err != nil || count(results, sink.Already) != 100 {
			t.Errorf("again: %v, %+v", err, results[0])
		}
		e, _ := far.Entry(string(records[7].ID))
		if e.Taken != 1 || e.Repeats != 1 || e.Index != "lagermeister-2026.03.01" || e.Doc != string(records[7].Doc) || e.Frame != nil {
			t.Errorf("the far end has %+v", e)
		}
		if far.Len() != 100 {
			t.Errorf("the far end has %d records", far.Len())
		}
	}
}

func TestFramesGoAlongForTheEmbeddedStore(t *testing.T) {
	t.Parallel()
	far := sinktest.New(t)
	s := open(t, bulk.Config{RemoteURL: []string{far.URL}, KeepFrames: true})
	records := batch(3)
	send(s, records)
	if e, _ := far.Entry(string(records[2].ID)); string(e.Frame) != string(records[2].Frame) {
		t.Errorf("got frame %q, want %q", e.Frame, records[2].Frame)
	}
}

// Whatever the far end does, no record counts as delivered that it has not
// answered for, and the next attempt sets everything right.
func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		fault  sinktest.Fault
		class  sink.Class
		status int
		says   string
	}{
		"hang":            {sinktest.Hang(), sink.Again, 0, "REMOTE_TIMEOUT"},
		"reset":           {sinktest.Reset(), sink.Again, 0, ""},
		"lost answer":     {sinktest.LostAnswer(), sink.Again, 0, ""},
		"half an answer":  {sinktest.HalfAnswer(), sink.Again, 0, "answer broke off"},
		"items missing":   {sinktest.WrongCount(-1), sink.Again, 0, "answer has 9 items for the 10 records sent"},
		"no items":        {sinktest.WrongCount(-10), sink.Again, 0, "answer has 0 items"},
		"items too many":  {sinktest.WrongCount(1), sink.Again, 0, "more items than the 10 records sent"},
		"invalid JSON":    {sinktest.InvalidJSON(), sink.Again, 0, "JSON has '}'"},
		"empty 200":       {sinktest.Page(200, ""), sink.Again, 0, "JSON ends at byte 0"},
		"a page with 200": {sinktest.Page(200, "<html>welcome</html>"), sink.Again, 0, "JSON has '<'"},
		"another's items": {sinktest.Page(200, sinktest.Text([]sinktest.Item{{ID: "x", Status: 201}})), sink.Again, 0, `item for "x"`},
		"204":             {sinktest.Page(204, ""), sink.Again, 0, "JSON ends"},
		"redirect":        {sinktest.Status(302, "Location", "/login"), sink.Pause, 302, "redirect"},
		"unauthorized":    {sinktest.Status(401), sink.Pause, 401, ""},
		"forbidden":       {sinktest.Status(403), sink.Pause, 403, ""},
		"not found":       {sinktest.Status(404), sink.Pause, 404, ""},
		"conflict":        {sinktest.Status(409), sink.Pause, 409, ""},
		"malformed":       {sinktest.Status(400), sink.Split, 400, ""},
		"too large":       {sinktest.TooLarge(100), sink.Split, 413, ""},
		"busy":            {sinktest.Busy("2"), sink.Again, 429, "too many requests"},
		"unavailable":     {sinktest.Status(503), sink.Again, 503, ""},
		"blocked": {sinktest.Page(429, `{"error":{"type":"cluster_block_exception","reason":"blocked by: [no master]"}}`),
			sink.Pause, 429, "blocked by: [no master]"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			timeout := time.Minute
			if name == "hang" {
				timeout = time.Second // for the second attempt too
			}
			far := sinktest.New(t)
			s := open(t, bulk.Config{RemoteURL: []string{far.URL}, Config: httpclient.Config{Timeout: timeout}})
			far.FailTimes(1, c.fault)
			records := batch(10)
			results, err := send(s, records)
			if err == nil || err.Class != c.class || err.Status != c.status || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(c.says)) {
				t.Fatalf("got %v (%+v), want %v with status %d saying %q", err, err, c.class, c.status, c.says)
			}
			if !strings.HasPrefix(err.Error(), "POST "+far.URL+"/_bulk, 10 records, ") {
				t.Errorf("%s does not say what was attempted", err)
			}
			if count(results, sink.Retry) != 10 || results[0].Reason != "" {
				t.Errorf("results are %+v", results)
			}
			results, err = send(s, records)
			if err != nil || count(results, sink.Delivered)+count(results, sink.Already) != 10 || far.Len() != 10 {
				t.Errorf("second attempt: %v, %+v", err, results)
			}
		})
	}
}

func TestEachItemIsJudgedByItself(t *testing.T) {
	t.Parallel()
	answers := []sinktest.Item{
		0: {Status: 201},
		1: {Status: 400, Type: "document_parsing_exception", Reason: "field [heka.x] of type [long]"},
		2: {Status: 429, Type: "es_rejected_execution_exception", Reason: "queue full"},
		3: {Status: 413, Type: "too_large"},
		4: {Status: 503, Type: "unavailable_shards_exception"},
		5: {Status: 422},
		6: {Status: 409, Type: "version_conflict_engine_exception"},
		7: {Status: 200},
	}
	want := []sink.Outcome{sink.Delivered, sink.Refused, sink.Retry, sink.Refused, sink.Retry, sink.Refused, sink.Already, sink.Delivered}
	far := sinktest.New(t)
	s := open(t, bulk.Config{RemoteURL: []string{far.URL}})
	records := batch(len(answers))
	refuse := func(r sinktest.Record) *sinktest.Item {
		for i := range records {
			if string(records[i].ID) == r.ID {
				return &answers[i]
			}
		}
		return nil
	}
	far.Fail(sinktest.RefuseItems(refuse))
	results, err := send(s, records)
	for i, r := range results {
		if r.Outcome != want[i] || r.Status != answers[i].Status {
			t.Errorf("item %+v: got %+v, want %v", answers[i], r, want[i])
		}
	}
	if r := results[1]; r.Type != "document_parsing_exception" || r.Reason != "field [heka.x] of type [long]" {
		t.Errorf("the refusal's words are %+v", r)
	}
	if err == nil || err.Class != sink.Again || err.Status != 429 || err.Reason != "queue full" {
		t.Errorf("got %+v, want Again with the words of the first item that is left", err)
	}

	// One item that stops the sink decides over those that may be retried.
	answers[4] = sinktest.Item{Status: 403, Type: "cluster_block_exception", Reason: "index [i] blocked by: [FORBIDDEN/8/index write (api)];"}
	results, err = send(s, records)
	if err == nil || err.Class != sink.Pause || err.Status != 403 || count(results, sink.Retry) != 2 || count(results, sink.Refused) != 3 {
		t.Errorf("got %+v, %+v", err, results)
	}
}

func TestASingleRecordTheFarEndDoesNotTakeIsRefused(t *testing.T) {
	t.Parallel()
	far := sinktest.New(t)
	s := open(t, bulk.Config{RemoteURL: []string{far.URL}})
	far.Fail(sinktest.TooLarge(10))
	results, err := send(s, batch(1))
	if err != nil || results[0].Outcome != sink.Refused || results[0].Status != 413 {
		t.Errorf("got %v, %+v", err, results)
	}
}

func TestTheTemplateIsPutOnceBeforeTheFirstRecord(t *testing.T) {
	t.Parallel()
	far := sinktest.New(t)
	conf := bulk.Config{RemoteURL: []string{far.URL}, IndexTemplate: true}
	s := open(t, conf)
	for range 3 {
		if _, err := send(s, batch(1)); err != nil {
			t.Fatal(err)
		}
	}
	got := paths(far)
	want := "GET /_index_template/lagermeister PUT /_index_template/lagermeister POST /_bulk POST /_bulk POST /_bulk"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	var put struct {
		Patterns []string `json:"index_patterns"`
		Version  int
		Priority int
		Template struct{ Settings map[string]any }
	}
	if err := json.Unmarshal(far.Template, &put); err != nil || put.Patterns[0] != "lagermeister-*" || put.Version == 0 || put.Priority == 0 ||
		put.Template.Settings["index.mapping.total_fields.limit"] != 2000.0 {
		t.Errorf("put %s, %v", far.Template, err)
	}

	// Another subscriber of the same engine leaves it, a third adds its pattern.
	send(open(t, conf), batch(1))
	conf.Index = "Other.%{Type}.%{%Y}x"
	send(open(t, conf), batch(1))
	if err := json.Unmarshal(far.Template, &put); err != nil || fmt.Sprint(put.Patterns) != "[other.*.*x lagermeister-*]" {
		t.Errorf("patterns are %v, %v", put.Patterns, err)
	}
	if got := paths(far); strings.Count(got, "PUT") != 2 {
		t.Errorf("got %s, want two PUT", got)
	}
}

func TestATemplateOfSomeoneElseIsLeftAlone(t *testing.T) {
	t.Parallel()
	for _, theirs := range []string{
		`{"index_patterns":["lagermeister-*"],"template":{}}`,
		`{"index_patterns":"lagermeister-*","version":99,"_meta":{"managed_by":"lagermeister"}}`,
	} {
		far := sinktest.New(t)
		far.Template = []byte(theirs)
		s := open(t, bulk.Config{RemoteURL: []string{far.URL}, IndexTemplate: true})
		if _, err := send(s, batch(1)); err != nil {
			t.Error(err)
		}
		if string(far.Template) != theirs {
			t.Errorf("%s was replaced by %s", theirs, far.Template)
		}
	}
}

// An engine that has no templates, or does not let us put one, still gets the
// records; one that cannot be reached, or does not know us, gets none yet.
func TestTemplateFailures(t *testing.T) {
	t.Parallel()
	for status, goesOn := range map[int]bool{400: true, 403: true, 404: true, 405: true, 501: true, 401: false, 429: false, 503: false, 302: false} {
		far := &failingTemplates{Server: sinktest.Unstarted(), status: status}
		far.Config.Handler = far
		far.Start()
		t.Cleanup(far.Close)
		s := open(t, bulk.Config{RemoteURL: []string{far.URL}, IndexTemplate: true})
		_, err := send(s, batch(1))
		if goesOn != (err == nil) || far.Len() == 1 != goesOn {
			t.Errorf("template answered with %d: %v, %d records", status, err, far.Len())
		}
	}
}

type failingTemplates struct {
	*sinktest.Server
	status int
}

func (f *failingTemplates) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.URL.Path, "_index_template") {
		w.WriteHeader(f.status)
		return
	}
	f.Server.ServeHTTP(w, r)
}

func TestATemplateIsNotPutForEveryIndexThereIs(t *testing.T) {
	t.Parallel()
	far := sinktest.New(t)
	s := open(t, bulk.Config{RemoteURL: []string{far.URL}, IndexTemplate: true, Index: "%{Type}-%{%Y}"})
	if _, err := send(s, batch(1)); err != nil || far.Template != nil {
		t.Errorf("got %v, template %s", err, far.Template)
	}
}

func paths(far *sinktest.Server) string {
	var list []string
	for _, r := range far.Requests() {
		list = append(list, r.Method+" "+r.URL.Path)
	}
	return strings.Join(list, " ")
}

func TestSettings(t *testing.T) {
	t.Parallel()
	conf := bulk.Config{RemoteURL: []string{"localhost:9200"}}
	if err := conf.Validate(); err == nil || !strings.HasPrefix(err.Error(), "REMOTE_URL=localhost:9200: expected ") {
		t.Errorf("got %v", err)
	}
	conf.RemoteURL = []string{"http://localhost:9200"}
	if err := conf.Validate(); err != nil {
		t.Error(err)
	}
}
