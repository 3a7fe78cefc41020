// Package elastic holds what is promised about real search engines, tried on
// them: .ci/elastic fetches and starts Elasticsearch and OpenSearch, names them
// in ELASTIC_URL, ELASTIC8_URL, OPENSEARCH_URL and OPENSEARCH2_URL, and runs
// these tests.
// Without the variables they are skipped.
package elastic

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"

	"lagermeister/sink"
	"lagermeister/sink/bulk"
	"lagermeister/sink/httpclient"
)

// engine is a running engine, and an index of the test's own.
type engine struct {
	name, url, index string
	log              *logtest.Hook
}

// each runs a test on every engine there is, beside other tests.
func each(t *testing.T, test func(t *testing.T, e *engine)) {
	t.Helper()
	t.Parallel()
	eachAlone(t, test)
}

// eachAlone runs a test on every engine there is while no other test does.
func eachAlone(t *testing.T, test func(t *testing.T, e *engine)) {
	t.Helper()
	found := false
	for _, name := range []string{"ELASTIC_URL", "ELASTIC8_URL", "OPENSEARCH_URL", "OPENSEARCH2_URL"} {
		url := os.Getenv(name)
		if url == "" {
			continue
		}
		found = true
		t.Run(strings.TrimSuffix(name, "_URL"), func(t *testing.T) {
			t.Parallel()
			index := fmt.Sprintf("lagermeister-%s-%08x", strings.ToLower(strings.SplitN(t.Name(), "/", 2)[0][4:]), rand.Uint32())
			test(t, &engine{name: name, url: strings.TrimRight(url, "/"), index: index})
		})
	}
	if !found {
		t.Skip("neither ELASTIC_URL nor OPENSEARCH_URL is set; .ci/elastic starts engines and sets them")
	}
}

// sink returns a sink for the engine; e.log gets what it logs.
func (e *engine) sink(t *testing.T, conf bulk.Config) *bulk.Sink {
	t.Helper()
	conf.RemoteURL = []string{e.url}
	if conf.Timeout == 0 {
		conf.Timeout = time.Minute
	}
	conf.Index = "lagermeister-%{Type}-%{%Y.%m.%d}"
	conf.IndexTemplate = true
	var log *logrus.Logger
	log, e.log = logtest.NewNullLogger()
	s, err := bulk.New(conf, log, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// records makes records of docs, with ids by their number.
func (e *engine) records(docs ...string) []sink.Record {
	list := make([]sink.Record, len(docs))
	for i, doc := range docs {
		list[i] = sink.Record{ID: fmt.Appendf(nil, "%044x", i), Index: []byte(e.index), Doc: []byte(doc)}
	}
	return list
}

// send makes one attempt.
func send(t *testing.T, s sink.Sink, batch []sink.Record) ([]sink.Result, *sink.Error) {
	t.Helper()
	results := make([]sink.Result, len(batch))
	if err := s.Send(context.Background(), batch, results); err != nil {
		return results, err.(*sink.Error)
	}
	return results, nil
}

// settle sends batch until every record has a final outcome, as a subscriber
// does, for a minute at most.
func settle(t *testing.T, s sink.Sink, batch []sink.Record) []sink.Result {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		results, err := send(t, s, batch)
		if err == nil {
			return results
		}
		if err.Class != sink.Again || time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// call makes a request of the engine's own API and decodes its answer into
// into, which may be nil.
func (e *engine) call(t *testing.T, method, path, body string, into any) {
	t.Helper()
	req, err := http.NewRequest(method, e.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 {
		t.Fatalf("%s %s: %s: %s, %v", method, path, resp.Status, text, err)
	}
	if into == nil {
		return
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		t.Fatalf("%s %s: %s: %v", method, path, text, err)
	}
}

// count refreshes the index and counts the documents a query finds.
func (e *engine) count(t *testing.T, query string) int {
	t.Helper()
	e.call(t, "POST", "/"+e.index+"/_refresh", "", nil)
	var answer struct{ Count int }
	e.call(t, "POST", "/"+e.index+"/_count", `{"query":`+query+`}`, &answer)
	return answer.Count
}

const everything = `{"match_all":{}}`

var plain = bulk.Config{}
var packed = bulk.Config{Config: httpclient.Config{Gzip: true}}
